package chip

import (
	"errors"
	"testing"
	"time"
)

// checkInterrupted wants a fault after which the radio works on.
func checkInterrupted(t *testing.T, err, cause error) {
	t.Helper()
	var i *InterruptedError
	if !errors.As(err, &i) || !errors.Is(err, cause) || !i.Temporary() {
		t.Errorf("got %v", err)
	}
}

func TestFrameThatNeverLeaves(t *testing.T) {
	virtual("the chip obeys", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.hang = true })
		from, air := time.Now(), sf7.TimeOnAir(51)
		checkInterrupted(t, r.Transmit(t.Context(), make([]byte, 51)), ErrStuck)
		now := f.look()
		if took := time.Since(from); took != air+margin(air) || now.mode != "rx" || now.resets != 1 {
			t.Errorf("after %v in %s, %d resets", took, now.mode, now.resets)
		}
		checkInterrupted(t, r.Transmit(t.Context(), make([]byte, 51)), ErrStuck)
		now = f.look()
		if now.resets != 2 || now.configures != 2 || now.mode != "rx" {
			t.Errorf("the second time it is reset: %d resets, in %s", now.resets, now.mode)
		}
		f.do(func() { f.hang = false })
		if err := r.Transmit(t.Context(), []byte{1}); err != nil {
			t.Error(err)
		}
	})
	virtual("the chip does not obey", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.hang = true })
		f.do(func() { f.stubborn = true })
		time.AfterFunc(time.Second, func() { f.do(func() { f.stubborn = false }) })
		checkInterrupted(t, r.Transmit(t.Context(), make([]byte, 51)), ErrStuck)
		now := f.look()
		if now.mode != "rx" || r.Stats().Resets == 0 {
			t.Errorf("in %s, %+v", now.mode, r.Stats())
		}
	})
}

func TestResetWhileSending(t *testing.T) {
	virtual("", t, func(t *testing.T) {
		r, f := open(t)
		time.AfterFunc(30*time.Millisecond, f.die)
		checkInterrupted(t, r.Transmit(t.Context(), make([]byte, 255)), ErrWrongMode)
		now := f.look()
		if now.mode != "rx" || now.mod != sf7 || r.Stats().Resets != 1 {
			t.Errorf("in %s, %+v", now.mode, r.Stats())
		}
	})
}

func TestResetWhileSendingForLong(t *testing.T) {
	virtual("is found by the check each second", t, func(t *testing.T) {
		r, f := open(t)
		slow := sf7
		slow.SpreadingFactor = 12
		if err := r.Configure(t.Context(), slow, 14); err != nil {
			t.Fatal(err)
		}
		from := time.Now()
		time.AfterFunc(30*time.Millisecond, f.die)
		checkInterrupted(t, r.Transmit(t.Context(), make([]byte, 51)), ErrWrongMode)
		if took := time.Since(from); took > 1100*time.Millisecond {
			t.Errorf("after %v", took)
		}
	})
}

func TestResetWhileIdle(t *testing.T) {
	virtual("found before the frame goes out", t, func(t *testing.T) {
		r, f := open(t)
		f.die()
		if err := r.Transmit(t.Context(), []byte{1}); err != nil {
			t.Error(err)
		}
		now := f.look()
		if len(now.sent) != 1 || r.Stats().Resets != 1 {
			t.Errorf("%d sent, %+v", len(now.sent), r.Stats())
		}
	})
	virtual("found within a second", t, func(t *testing.T) {
		_, f := open(t)
		f.die()
		time.Sleep(1100 * time.Millisecond)
		now := f.look()
		if now.mode != "rx" {
			t.Error(now.mode)
		}
	})
}

func TestUnplugged(t *testing.T) {
	virtual("and back in", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.unplugged = true })
		time.Sleep(5 * time.Second)
		f.do(func() { f.unplugged = false })
		time.Sleep(1100 * time.Millisecond)
		f.hear(9)
		if p, err := r.Receive(t.Context()); err != nil || p.Data[0] != 9 {
			t.Errorf("got %+v, %v", p, err)
		}
	})
	virtual("for good", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.unplugged = true })
		from := time.Now()
		_, err := r.Receive(t.Context())
		var fault *FaultError
		if !errors.As(err, &fault) || !errors.Is(err, ErrNoChip) || fault.Fix == "" || time.Since(from) > 12*time.Second {
			t.Errorf("got %v after %v", err, time.Since(from))
		}
		if again := r.Transmit(t.Context(), []byte{1}); !errors.Is(again, err) {
			t.Errorf("got %v", again)
		}
		resets := f.look().resets
		if time.Sleep(time.Minute); f.look().resets != resets {
			t.Error("it is left alone then")
		}
	})
	virtual("a transmission waits for the repair", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() { f.unplugged = true })
		time.AfterFunc(3*time.Second, func() { f.do(func() { f.unplugged = false }) })
		if err := r.Transmit(t.Context(), []byte{1}); err != nil || len(f.look().sent) != 1 {
			t.Errorf("got %v", err)
		}
	})
	virtual("faults now and then", t, func(t *testing.T) {
		r, f := open(t)
		for range 2 * mostFaults {
			f.die()
			time.Sleep(5 * time.Second)
		}
		if err := r.Transmit(t.Context(), []byte{1}); err != nil {
			t.Error(err)
		}
	})
	virtual("faults again and again", t, func(t *testing.T) {
		r, f := open(t)
		every(t, r, 50*time.Millisecond, func() {
			f.die()
			f.line.raise()
		})
		_, err := r.Receive(t.Context())
		var fault *FaultError
		if !errors.As(err, &fault) || !errors.Is(err, ErrWrongMode) {
			t.Errorf("got %v", err)
		}
	})
}
