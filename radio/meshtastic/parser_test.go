package meshtastic

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio"
)

// messages is what a decoder finds.
func messages(d *decoder, octets []byte) (out [][]byte) {
	for _, b := range octets {
		if m, ok := d.feed(b); ok {
			out = append(out, bytes.Clone(m))
		}
	}
	return out
}

func TestDecoderSkipsText(t *testing.T) {
	one, two := []byte{8, 1}, []byte("\x94\xc3 in a message")
	stream := append([]byte("DEBUG | boot \x94\x94 text\r\n"), appendFrame(nil, one)...)
	stream = append(stream, "INFO | \xc3\x94\xc3\xff\xff too long\r\n\x94"...)
	stream = append(stream, appendFrame(nil, two)...)
	stream = append(stream, appendFrame(nil, nil)...)
	var d decoder
	got := messages(&d, stream)
	if len(got) != 3 || !bytes.Equal(got[0], one) || !bytes.Equal(got[1], two) || len(got[2]) != 0 {
		t.Errorf("got %q", got)
	}
	if d.skipped == 0 {
		t.Error("skipped nothing")
	}
}

func TestWhatIsNotForUsIsPassedOver(t *testing.T) {
	packet := func(from uint32, port uint64, extra ...byte) []byte {
		data := appendBytes(appendVarint(nil, dataPort, port), dataPayload, []byte("payload"))
		p := append(appendBytes(append32(nil, packetFrom, from), packetDecoded, data), extra...)
		return appendBytes(nil, fromPacket, p)
	}
	m := &Modem{frames: make(chan radio.Packet, 4), told: make(chan uint32, 4), status: make(chan queueStatus, 4)}
	m.self.Node = 7
	for name, b := range map[string][]byte{
		"text":     packet(9, 1),
		"our own":  packet(7, portPrivate),
		"by MQTT":  packet(9, portPrivate, appendVarint(nil, packetViaMQTT, 1)...),
		"by UDP":   packet(9, portPrivate, appendVarint(nil, packetTransport, 6)...),
		"unopened": appendBytes(nil, fromPacket, appendBytes(append32(nil, packetFrom, 9), 5, []byte("sealed"))),
	} {
		if err := m.handle(b); err != nil || len(m.frames) != 0 {
			t.Errorf("%s: got %d frames, %v", name, len(m.frames), err)
		}
	}
	if err := m.handle(packet(9, portPrivate, appendVarint(nil, packetTransport, transportLora)...)); err != nil || len(m.frames) != 1 {
		t.Errorf("by radio: got %d frames, %v", len(m.frames), err)
	}
}

func TestPacketOnTheWire(t *testing.T) {
	got := appendPacket(nil, 0x01020304, []byte("hi"))
	want := []byte{
		1<<3 | 2, 21, // packet
		2<<3 | 5, 0xFF, 0xFF, 0xFF, 0xFF, // to everybody
		4<<3 | 2, 7, 1 << 3, 0x80, 2, 2<<3 | 2, 2, 'h', 'i', // decoded: port 256, payload
		6<<3 | 5, 4, 3, 2, 1, // id
		9 << 3, 0, // no hops
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(appendFrame([]byte("text"), []byte{1, 2, 3}))
	f.Add([]byte{start1, start2, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, octets []byte) {
		var d decoder
		for _, m := range messages(&d, octets) {
			if len(m) > maxMessage {
				t.Fatalf("a message of %d octets", len(m))
			}
		}
		// After at most one message of garbage the next is found.
		messages(&d, make([]byte, maxMessage+4))
		want := []byte("found")
		if got := messages(&d, appendFrame(nil, want)); len(got) != 1 || !bytes.Equal(got[0], want) {
			t.Fatalf("after %x: got %q", octets, got)
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add(appendBytes(nil, fromPacket, appendBytes(append32(nil, packetFrom, 9), packetDecoded, appendBytes(appendVarint(nil, dataPort, portPrivate), dataPayload, []byte("x")))))
	f.Add(appendBytes(nil, fromConfig, appendBytes(nil, configLora, appendVarint(appendVarint(nil, loraRegion, 1), loraSlot, 1<<40))))
	f.Add(appendBytes(nil, fromChannel, appendVarint(appendBytes(nil, channelSetting, appendBytes(nil, settingName, []byte("name"))), channelRole, 1)))
	f.Add(appendBytes(nil, fromQueueStatus, appendVarint(nil, statusFree, 16)))
	f.Add(appendVarint(nil, fromRebooted, 1))
	f.Add([]byte{0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01})
	f.Fuzz(func(t *testing.T, message []byte) {
		m := &Modem{frames: make(chan radio.Packet, 4), told: make(chan uint32, 4), status: make(chan queueStatus, 4)}
		_ = m.handle(message)
		_ = m.check()
		if len(m.lora.primary) > maxName || len(m.self.Firmware) > maxName {
			t.Fatalf("kept %d octets of a name", len(m.lora.primary))
		}
	})
}

// A node's word on its queue is bounded: nothing that it says puts off for years when all it was given counts as gone.
func TestQueueStatusThatCannotBe(t *testing.T) {
	m := &Modem{mod: setting(869_525_000, 12, 125_000, 8)}
	for s, want := range map[queueStatus]int{
		{size: 16, free: 14}:             2,
		{size: 16, free: 0}:              16,
		{size: 0, free: 16}:              0,
		{size: math.MaxUint32}:           mostHeld,
		{size: 16, free: math.MaxUint32}: 0,
	} {
		m.last = time.Time{}
		m.holds(s)
		m.behind(m.backlog)
		if m.backlog != want || m.Clear().After(time.Now().Add(10*time.Minute)) {
			t.Errorf("%+v: %d packets, gone in %v, want %d", s, m.backlog, time.Until(m.Clear()), want)
		}
	}
}

func TestSignalThatIsNoNumberIsNone(t *testing.T) {
	m := &Modem{frames: make(chan radio.Packet, 1)}
	for _, c := range []struct {
		snr   float64
		known bool
	}{{-12.25, true}, {math.NaN(), false}, {math.Inf(1), false}, {1e30, false}} {
		p := appendBytes(append32(nil, packetFrom, 9), packetDecoded, appendBytes(appendVarint(nil, dataPort, portPrivate), dataPayload, []byte("x")))
		p = appendVarint(append32(p, packetSNR, math.Float32bits(float32(c.snr))), packetRSSI, 1<<64-90)
		if err := m.handle(appendBytes(nil, fromPacket, p)); err != nil {
			t.Fatal(err)
		}
		if got := <-m.frames; got.HasSignal != c.known || !c.known && got.SNRdB != 0 || c.known && got.SNRdB != c.snr {
			t.Errorf("%v: got %+v", c.snr, got)
		}
	}
}

// The end of what the node tells is not pushed out by what it tells afterwards.
func TestTheEndOfTheTellingWaits(t *testing.T) {
	m := &Modem{told: make(chan uint32, 4)}
	m.tell(77)
	for range 10 {
		m.tell(0)
	}
	if got := <-m.told; got != 77 {
		t.Errorf("got %d, want 77", got)
	}
}

// full answers each heartbeat with a queue that is full.
type full struct{ m *Modem }

func (f full) Write(b []byte) (int, error) {
	return len(b), f.m.handle(appendBytes(nil, fromQueueStatus, appendVarint(nil, statusSize, 16)))
}
func (full) Read([]byte) (int, error) { select {} }
func (full) Close() error             { return nil }

func TestAQueueThatNeverEmptiesIsSaidInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Modem{opts: Opts{}.withDefaults(), status: make(chan queueStatus, 4), told: make(chan uint32, 4), gone: make(chan struct{}), writing: make(chan struct{}, 1), mod: setting(869_525_000, 11, 250_000, 5)}
		m.port, m.backlog = full{m}, 16
		start := time.Now()
		if err := m.Transmit(t.Context(), []byte("x")); !errors.Is(err, ErrStuck) || time.Since(start) > mostWait+time.Minute {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}
