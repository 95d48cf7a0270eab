package rnode

import (
	"bytes"
	"testing"
	"time"

	"packhorse/radio/phy"
)

func TestAppendFrameBytes(t *testing.T) {
	got := appendFrame(nil, cmdFrequency, 0x33, 0xC0, 0xDB, 0)
	want := []byte{0xC0, 0x01, 0x33, 0xDB, 0xDC, 0xDB, 0xDD, 0x00, 0xC0}
	if !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestPacerFollowsTheFirmware(t *testing.T) {
	timing := phy.RNode(testMod)
	air, now := 400*time.Millisecond, time.Unix(1000, 0)
	access := timing.Access(0)
	p, silence := pacer{timing: timing}, time.Time{}
	if got, want := p.add(now, air, silence).Sub(now), access+air; got != want {
		t.Errorf("first frame leaves after %v, want %v", got, want)
	}
	if got, want := p.add(now, air, silence).Sub(now), access+2*air; got != want {
		t.Errorf("second of the same burst leaves after %v, want %v", got, want)
	}
	if got, want := p.wait(now, 2), access+air; got != want {
		t.Errorf("room after %v, want %v", got, want)
	}
	during := now.Add(access + air)
	if got := p.wait(during, 2); got != 0 {
		t.Errorf("room after %v once one has left, want 0", got)
	}
	// Handed over while the burst is on the air: it waits for the next access,
	// whose window has run since the burst began.
	if got, want := p.add(during, air, silence).Sub(now), access+2*air+timing.DIFS+air; got != want {
		t.Errorf("third leaves after %v, want %v", got, want)
	}
	// A busy channel stops the window clock.
	later := now.Add(2 * time.Second)
	if got, want := p.add(later, air, later).Sub(later), timing.Access(p.load(later))+air; got < want-timing.Slot || got > want+8*timing.Slot {
		t.Errorf("after another station: leaves after %v, want about %v", got, want)
	}
}
