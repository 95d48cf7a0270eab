package ebyte

import (
	"context"
	"errors"
	"time"

	"packhorse/radio/stream"
)

// Transmit hands one frame to the module. It returns when the module can take another without the two being joined:
// with AUX when the frame is with the module's radio, without AUX when it has left, by the air rate. When ctx ends it
// the module may have the frame already.
func (m *modem) Transmit(ctx context.Context, frame []byte) error {
	if len(frame) == 0 || len(frame) > m.maxFrame {
		return &SizeError{len(frame), m.maxFrame}
	}
	m.command.Lock()
	defer m.command.Unlock()
	if m.mod.BitRate == 0 {
		return errors.New("ebyte: the module is not configured yet")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	octets := stream.Append(nil, frame)
	if m.opts.AUX != nil {
		if err := m.awaitAUX(ctx); err != nil {
			return err
		}
	}
	from := time.Now()
	if err := m.write(octets); err != nil {
		return err
	}
	in := from.Add(m.uart(len(octets))) // a port may take octets faster than the line
	m.handed(in, len(frame))
	if m.opts.AUX == nil {
		return m.pause(ctx, time.Until(m.Clear().Add(gap)))
	}
	if err := m.pause(ctx, time.Until(in.Add(gap))); err != nil {
		return err
	}
	return m.awaitAUX(ctx)
}

// gap after a burst is well more than the three octets by which a module notices its end, at 9600 baud.
const gap = 20 * time.Millisecond

// handed counts a frame that is in the module at the time given.
func (m *modem) handed(in time.Time, octets int) {
	m.paced.Lock()
	defer m.paced.Unlock()
	if m.last.Before(in) {
		m.last = in
	}
	m.last = m.last.Add(m.mod.TimeOnAir(octets + framing(octets)))
}
