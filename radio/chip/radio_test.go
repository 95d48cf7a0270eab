package chip

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio/phy"
)

// virtual runs a test in virtual time; a goroutine left behind fails it.
func virtual(name string, t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestTransmit(t *testing.T) {
	virtual("takes the time on air, and receives again", t, func(t *testing.T) {
		r, f := open(t)
		from := time.Now()
		if err := r.Transmit(t.Context(), make([]byte, 51)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(from); took != sf7.TimeOnAir(51) || r.OnAir() != took || !r.Clear().Equal(time.Now()) {
			t.Errorf("took %v, on air %v, clear %v", took, r.OnAir(), r.Clear())
		}
		now := f.look()
		if now.mode != "rx" || len(now.sent) != 1 || r.Stats().Sent != 1 {
			t.Errorf("mode %s, %d sent", now.mode, len(now.sent))
		}
	})
	virtual("a lost interrupt costs less than a second", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.mute = true })
		from := time.Now()
		if err := r.Transmit(t.Context(), make([]byte, 51)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(from); took > time.Second || r.Stats().LateIRQ != 1 || f.look().mode != "rx" {
			t.Errorf("took %v, %+v", took, r.Stats())
		}
		if r.OnAir() != sf7.TimeOnAir(51) {
			t.Errorf("on air %v: want the calculated time", r.OnAir())
		}
	})
	virtual("ends with its context", t, func(t *testing.T) {
		r, f := open(t)
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer stop()
		if err := r.Transmit(ctx, make([]byte, 51)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		now := f.look()
		if now.mode != "rx" || r.Stats().Sent != 0 {
			t.Errorf("mode %s, %+v", now.mode, r.Stats())
		}
		if err := r.Transmit(t.Context(), []byte{1}); err != nil {
			t.Errorf("the next frame: %v", err)
		}
	})
	virtual("refuses frames that do not fit", t, func(t *testing.T) {
		r, f := open(t)
		for _, n := range []int{0, 256} {
			if err := r.Transmit(t.Context(), make([]byte, n)); err == nil {
				t.Errorf("%d octets are taken", n)
			}
		}
		if len(f.look().sent) != 0 {
			t.Error("sent")
		}
	})
	virtual("not before Configure", t, func(t *testing.T) {
		f := &fake{line: newLine()}
		r, err := Open(t.Context(), f, f.line, Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Transmit(t.Context(), []byte{1}); !errors.Is(err, ErrNotConfigured) {
			t.Errorf("got %v", err)
		}
		if _, err := r.Sense(t.Context(), phy.Sensing{}); !errors.Is(err, ErrNotConfigured) {
			t.Errorf("got %v", err)
		}
	})
	virtual("what came in before is not overwritten", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.mute = true })
		f.hear(7)
		if err := r.Transmit(t.Context(), []byte{1}); err != nil {
			t.Fatal(err)
		}
		if p, err := r.Receive(t.Context()); err != nil || p.Data[0] != 7 {
			t.Errorf("got %v, %v", p, err)
		}
	})
}

func TestReceive(t *testing.T) {
	virtual("tells when the packet ended", t, func(t *testing.T) {
		r, f := open(t)
		time.Sleep(300 * time.Millisecond)
		f.hear(1)
		at := time.Now()
		p, err := r.Receive(t.Context())
		if err != nil || p.Data[0] != 1 || !p.At.Equal(at) {
			t.Errorf("got %+v, %v", p, err)
		}
	})
	virtual("several at one interrupt", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.pending = append(f.pending, Event{Damaged: true}) })
		f.hear(2)
		if p, err := r.Receive(t.Context()); err != nil || p.Data[0] != 2 {
			t.Errorf("got %+v, %v", p, err)
		}
		if s := r.Stats(); s.Damaged != 1 || s.LateIRQ != 0 {
			t.Errorf("got %+v", s)
		}
	})
	virtual("a lost interrupt costs less than a second", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.mute = true })
		time.Sleep(100 * time.Millisecond)
		f.hear(1)
		from := time.Now()
		if _, err := r.Receive(t.Context()); err != nil || time.Since(from) > time.Second || r.Stats().LateIRQ != 1 {
			t.Errorf("%v, after %v, %+v", err, time.Since(from), r.Stats())
		}
	})
	virtual("what nobody takes is lost and counted", t, func(t *testing.T) {
		r, f := open(t)
		for i := range 7 {
			f.hear(byte(i))
			time.Sleep(time.Millisecond)
		}
		if s := r.Stats(); s.Lost != 3 || s.Received != 7 {
			t.Errorf("got %+v", s)
		}
		if p, _ := r.Receive(t.Context()); p.Data[0] != 0 {
			t.Errorf("the oldest is kept, not %d", p.Data[0])
		}
	})
}

func TestClose(t *testing.T) {
	virtual("ends what waits", t, func(t *testing.T) {
		r, f := open(t)
		errs := make(chan error, 2)
		go func() { _, err := r.Receive(t.Context()); errs <- err }()
		go func() { errs <- r.Transmit(t.Context(), make([]byte, 200)) }()
		synctest.Wait()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if !f.look().closed || r.Close() != nil {
			t.Error("the driver is closed once")
		}
		if err := r.Configure(t.Context(), sf7, 14); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	virtual("ends what waits for repairs, and waits for it", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.unplugged = true })
		errs := make(chan error, 1)
		go func() { errs <- r.Transmit(t.Context(), []byte{1}) }()
		time.Sleep(3*time.Second + 20*time.Millisecond) // in the middle of a reset
		from := time.Now()
		if err := r.Close(); err != nil || time.Since(from) > 20*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(from))
		}
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	virtual("ends repairs", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.unplugged = true })
		time.Sleep(2500 * time.Millisecond)
		from := time.Now()
		r.Close()
		if time.Since(from) > 20*time.Millisecond {
			t.Errorf("after %v", time.Since(from))
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	virtual("no interrupt line", t, func(t *testing.T) {
		f := &fake{}
		_, err := Open(t.Context(), f, nil, Opts{})
		if !errors.Is(err, ErrNoInterrupt) || !strings.Contains(err.Error(), "DIO0") || !f.look().closed {
			t.Errorf("got %v", err)
		}
	})
	virtual("a line without edges", t, func(t *testing.T) {
		f := &fake{line: newLine()}
		f.line.inErr = errors.New("busy")
		_, err := Open(t.Context(), f, f.line, Opts{})
		if !errors.Is(err, ErrNoInterrupt) || !strings.Contains(err.Error(), "GPIO25") || !f.look().closed {
			t.Errorf("got %v", err)
		}
	})
	virtual("no chip", t, func(t *testing.T) {
		f := &fake{line: newLine(), inner: inner{unplugged: true}}
		_, err := Open(t.Context(), f, f.line, Opts{})
		if !errors.Is(err, ErrNoChip) || !f.look().closed {
			t.Errorf("got %v", err)
		}
	})
}

func TestIdle(t *testing.T) {
	virtual("wakes once a second", t, func(t *testing.T) {
		_, f := open(t)
		polls := f.look().polls
		time.Sleep(time.Minute)
		now := f.look()
		if f.line.waited() > 61 || now.polls-polls > 61 {
			t.Errorf("%d waits, %d polls in a minute", f.line.waited(), now.polls-polls)
		}
	})
	virtual("also with a pin that does not wait", t, func(t *testing.T) {
		_, f := open(t, func(f *fake) { f.line.broken = true })
		time.Sleep(time.Minute)
		if f.line.waited() > 61 {
			t.Errorf("%d waits in a minute", f.line.waited())
		}
	})
	virtual("and with a line that makes noise", t, func(t *testing.T) {
		r, f := open(t)
		every(t, r, time.Millisecond, func() {
			f.line.raise()
			f.line.set(false)
		})
		polls := f.look().polls
		time.Sleep(5 * time.Second)
		now := f.look()
		if now.polls-polls > 6*(mostEmpty+20) || r.Stats().Noisy == 0 {
			t.Errorf("%d polls in 5 s, %+v", now.polls-polls, r.Stats())
		}
	})
}

func TestConfigureThroughAFault(t *testing.T) {
	virtual("the new setting is what the chip comes back with", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.stubborn = true })
		time.AfterFunc(time.Second, func() { f.do(func() { f.stubborn = false }) })
		other := sf7
		other.SpreadingFactor = 9
		err := r.Configure(t.Context(), other, 14)
		if now := f.look(); err != nil || now.mod != other || now.mode != "rx" {
			t.Errorf("%v, %v in %s", err, now.mod, now.mode)
		}
	})
}

// A computer that is busy between the command and the look at the clock makes no carrier shorter.
func TestOnAirIsNeverLessThanTheFrame(t *testing.T) {
	virtual("", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.slow = 10 * time.Millisecond })
		if err := r.Transmit(t.Context(), make([]byte, 50)); err != nil || r.OnAir() < sf7.TimeOnAir(50) {
			t.Errorf("%v, %v", r.OnAir(), err)
		}
	})
}

func TestConfigureGivenUp(t *testing.T) {
	virtual("a setting that was given up never comes into force", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.unplugged = true })
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer stop()
		other := sf7
		other.SpreadingFactor = 9
		if err := r.Configure(ctx, other, 14); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		f.do(func() { f.unplugged = false })
		time.Sleep(3 * time.Second)
		if now := f.look(); now.mode != "rx" || now.mod != sf7 {
			t.Errorf("%v in %s, want the setting before", now.mod, now.mode)
		}
	})
}

func TestConfigureRefused(t *testing.T) {
	virtual("goes on as before", t, func(t *testing.T) {
		no := errors.New("this chip cannot do that")
		r, f := open(t, func(f *fake) { f.refuse = no })
		other := sf7
		other.SpreadingFactor = 9
		if err := r.Configure(t.Context(), other, 14); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		now := f.look()
		if now.mode != "rx" || now.mod != sf7 || now.resets != 1 {
			t.Errorf("mode %s, %v, %d resets", now.mode, now.mod, now.resets)
		}
		if err := r.Configure(t.Context(), phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 50_000, BitRate: 1200}, 14); err == nil {
			t.Error("a stream is no LoRa")
		}
	})
}
