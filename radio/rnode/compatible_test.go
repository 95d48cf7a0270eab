package rnode

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// bare is a radio that only keeps what it is given.
type bare struct {
	sent [][]byte
	in   [][]byte
	max  int
}

func (b *bare) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: b.max, AirOverhead: 2, QueueDepth: 1}
}
func (b *bare) Configure(context.Context, phy.Modulation, int) error { return nil }
func (b *bare) Close() error                                         { return nil }

func (b *bare) Transmit(_ context.Context, frame []byte) error {
	b.sent = append(b.sent, bytes.Clone(frame))
	return nil
}

func (b *bare) Receive(context.Context) (radio.Packet, error) {
	if len(b.in) == 0 {
		return radio.Packet{}, errNoAnswer
	}
	p := radio.Packet{Data: b.in[0], SNRdB: 3}
	b.in = b.in[1:]
	return p, nil
}

func chance() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestCompatiblePutsTheOctetOnAndTakesItOff(t *testing.T) {
	b := &bare{max: 255}
	r := Compatible(b, chance())
	if c := r.Capabilities(); c.MaxFrame != 254 || c.AirOverhead != 3 {
		t.Errorf("got %d octets in a frame and %d beside, want 254 and 3", c.MaxFrame, c.AirOverhead)
	}
	frame, nibbles := bytes.Repeat([]byte{7}, 254), map[byte]bool{}
	for range 64 {
		if err := r.Transmit(t.Context(), frame); err != nil {
			t.Fatal(err)
		}
	}
	for _, sent := range b.sent {
		if len(sent) != 255 || !bytes.Equal(sent[1:], frame) || sent[0]&0x0F != 0 {
			t.Fatalf("sent %x of %d octets, want an octet x0 and the frame", sent[:2], len(sent))
		}
		nibbles[sent[0]] = true
	}
	if len(nibbles) < 8 {
		t.Errorf("64 frames had %d nibbles, want them by chance", len(nibbles))
	}
	b.in = b.sent[:1]
	if p, err := r.Receive(t.Context()); err != nil || !bytes.Equal(p.Data, frame) || p.SNRdB != 3 {
		t.Errorf("got %d octets, SNR %g, %v: want the frame with its SNR", len(p.Data), p.SNRdB, err)
	}
}

func TestCompatibleDropsWhatIsNoWholeFrame(t *testing.T) {
	b := &bare{max: 255, in: [][]byte{{0x31, 1, 2}, {0x30}, {}, {0xA0, 9}}}
	r := &compatible{Radio: b, rand: chance()}
	p, err := r.Receive(t.Context())
	if err != nil || !bytes.Equal(p.Data, []byte{9}) || r.Channel().Foreign != 3 {
		t.Errorf("got %x, %v with %d dropped, want the whole frame and 3", p.Data, err, r.Channel().Foreign)
	}
	if _, err := r.Receive(t.Context()); !errors.Is(err, errNoAnswer) {
		t.Errorf("got %v, want the radio's own error", err)
	}
}

func TestCompatibleRefusesWhatDoesNotFit(t *testing.T) {
	b := &bare{max: 100}
	r := Compatible(b, chance())
	for _, n := range []int{0, 100} {
		if err := r.Transmit(t.Context(), make([]byte, n)); !errors.Is(err, ErrFrameSize) || len(b.sent) > 0 {
			t.Errorf("%d octets: got %v and %d sent, want a refusal", n, err, len(b.sent))
		}
	}
	long := Compatible(&bare{max: 1000}, chance())
	if c := long.Capabilities(); c.MaxFrame != 254 {
		t.Errorf("got %d octets of a radio with 1000, want the 254 of one packet", c.MaxFrame)
	}
}

// able is bare with everything optional.
type able struct {
	bare
	law phy.Sensing
}

func (a *able) Sense(_ context.Context, law phy.Sensing) (bool, error) {
	a.law = law
	return true, nil
}
func (a *able) Clear() time.Time     { return time.Unix(5, 0) }
func (a *able) OnAir() time.Duration { return time.Minute }

func TestCompatibleKeepsWhatTheRadioCan(t *testing.T) {
	a := &able{bare: bare{max: 255}}
	r := Compatible(a, chance())
	law := phy.Sensing{For: time.Second}
	if busy, err := r.(radio.Sensor).Sense(t.Context(), law); !busy || err != nil || a.law != law {
		t.Errorf("Sense: got %v, %v after %v, want the radio's", busy, err, a.law)
	}
	if at := r.(radio.Clearer).Clear(); at != time.Unix(5, 0) {
		t.Errorf("Clear: got %v", at)
	}
	if d := r.(radio.Timed).OnAir(); d != time.Minute {
		t.Errorf("OnAir: got %v", d)
	}
	if _, ok := Compatible(&bare{}, chance()).(radio.Sensor); ok {
		t.Error("a radio that cannot listen seems to listen")
	}
}
