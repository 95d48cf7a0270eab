package meshtastic

import (
	"bytes"
	"testing"

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
