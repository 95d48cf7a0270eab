//go:build linux

package radios

import (
	"context"
	"testing"
	"time"

	"packhorse/radio"
)

// TestTenThousandFrames exchanges ten thousand frames of any length, from either side as chance wills, with pauses as
// chance wills. None is lost, none comes twice, none is made up.
func TestTenThousandFrames(t *testing.T) {
	for _, pair := range append(different, [][2]kind{{sx1276, sx1276}, {sx1262TCXO, sx1262TCXO}, {rnodes, rnodes}, {tncs, tncs}, {siks, siks}, {meshes, meshes}, {e22s, e22s}, {e32s, e32s}}...) {
		t.Run(pair[0].name+" and "+pair[1].name, func(t *testing.T) {
			onBench(t, pair[0], pair[1], func(b *bench) { b.exchange(10_000) })
		})
	}
}

// exchange passes so many frames. A reader at either side takes what comes, so that what nobody sent would show.
func (b *bench) exchange(frames int) {
	b.Helper()
	draw := random("exchange")
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	var up [2]chan radio.Packet
	for i, r := range b.radios {
		up[i] = make(chan radio.Packet)
		go func() {
			defer close(up[i])
			for p, err := r.Receive(ctx); err == nil; p, err = r.Receive(ctx) {
				up[i] <- p
			}
		}()
	}
	for range frames {
		from := draw.IntN(2)
		frame := content(draw, 1+draw.IntN(b.longest()))
		if err := b.send(from, frame); err != nil {
			b.Fatalf("send: %v", err)
		}
		b.take(up, from, frame)
		time.Sleep(time.Duration(draw.Int64N(int64(50 * time.Millisecond))))
	}
	stop()
	for i := range up {
		for p := range up[i] {
			b.Errorf("%s received %x at the end", b.kinds[i].name, p.Data)
		}
	}
}

// take waits for what was sent on the other side, and for nothing on this one.
func (b *bench) take(up [2]chan radio.Packet, from int, frame []byte) {
	b.Helper()
	timer := time.NewTimer(limit(b.kinds[from].common, len(frame)))
	defer timer.Stop()
	select {
	case p := <-up[1-from]:
		if string(p.Data) != string(frame) {
			b.Fatalf("received %x, sent was %x", p.Data, frame)
		}
	case p := <-up[from]:
		b.Fatalf("%s received %x while it was sending", b.kinds[from].name, p.Data)
	case <-timer.C:
		b.Fatalf("%d octets of %s did not arrive", len(frame), b.kinds[from].name)
	}
}
