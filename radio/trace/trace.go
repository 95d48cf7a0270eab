package trace

import (
	"context"
	"sync/atomic"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// Radio is a radio whose frames are recorded. Frames that we send are stamped when they are handed to the modem, which may
// send them later; those that we receive when they ended, where the modem tells, else when they came up from it.
type Radio struct {
	radio.Radio
	file   *File
	device uint32
	mod    atomic.Pointer[phy.Modulation]
}

// Wrap records what r sends and receives under a name. It can whatever r can. The file stays the caller's.
func Wrap(r radio.Radio, f *File, name string) radio.Radio {
	t := &Radio{Radio: r, file: f, device: f.declare(name, linkLoRaTap)}
	t.mod.Store(&phy.Modulation{})
	return radio.Forward(t, r)
}

// Configure also remembers the modulation, which stands in every header.
func (t *Radio) Configure(ctx context.Context, m phy.Modulation, powerDBm int) error {
	err := t.Radio.Configure(ctx, m, powerDBm)
	if err == nil {
		t.mod.Store(&m)
	}
	return err
}

// Transmit records the frame, and in a comment why it could not be handed over.
func (t *Radio) Transmit(ctx context.Context, frame []byte) error {
	at, m := time.Now(), *t.mod.Load()
	err := t.Radio.Transmit(ctx, frame)
	comment := m.String()
	if err != nil {
		comment = "not sent: " + err.Error()
	}
	t.file.record(t.device, at, outbound, comment, append(loraTap(m, nil), frame...))
	return err
}

// Receive records the frame.
func (t *Radio) Receive(ctx context.Context) (radio.Packet, error) {
	p, err := t.Radio.Receive(ctx)
	if err != nil {
		return p, err
	}
	at, m := p.At, *t.mod.Load()
	if at.IsZero() {
		at = time.Now()
	}
	t.file.record(t.device, at, inbound, m.String(), append(loraTap(m, &p), p.Data...))
	return p, err
}
