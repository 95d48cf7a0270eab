package sim

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// took tells how long WaitForEdge waited, and what it said.
func took(p *Pin, timeout time.Duration) (time.Duration, bool) {
	from := time.Now()
	edge := p.WaitForEdge(timeout)
	return time.Since(from), edge
}

func TestPinWaitsForEdgesLikeGpioioctl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPin("DIO0", 25, nil)
		expect := func(what string, timeout, wait time.Duration, edge bool) {
			t.Helper()
			if d, e := took(p, timeout); d != wait || e != edge {
				t.Errorf("%s: %v after %v, want %v after %v", what, e, d, edge, wait)
			}
		}
		expect("not an input", time.Second, 0, false)
		_ = p.In(gpio.PullDown, gpio.NoEdge)
		p.set(true)
		expect("an input without edge", time.Second, 0, false)
		_ = p.In(gpio.PullDown, gpio.RisingEdge)
		expect("high already", time.Second, time.Second, false)
		p.set(false)
		expect("a falling edge", time.Second, time.Second, false)
		p.set(true)
		p.set(true)
		expect("negative timeout with an edge there", -1, 0, false)
		expect("the edge from before", time.Second, 0, true)
		expect("no other", time.Second, time.Second, false)
		time.AfterFunc(3*time.Hour, func() { p.set(false); p.set(true) })
		expect("0 is for ever", 0, 3*time.Hour, true)
		for range 40 {
			p.set(false)
			p.set(true)
		}
		for range eventBuffer {
			expect("a kept edge", time.Second, 0, true)
		}
		expect("the kernel keeps 16", time.Second, time.Second, false)
		_ = p.In(gpio.PullDown, gpio.BothEdges)
		p.set(false)
		p.set(true)
		expect("falling", time.Second, 0, true)
		expect("rising", time.Second, 0, true)
	})
}

func TestPinHaltUnblocksOnlyWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPin("DIO0", 25, nil)
		_ = p.In(gpio.PullNoChange, gpio.RisingEdge)
		_ = p.Halt()
		if d, e := took(p, time.Second); e || d != time.Second {
			t.Errorf("a Halt before the wait: %v after %v", e, d)
		}
		time.AfterFunc(time.Minute, func() { _ = p.Halt() })
		if d, e := took(p, 0); e || d != time.Minute {
			t.Errorf("a Halt meanwhile: %v after %v, want false after 1 min", e, d)
		}
	})
}

func TestPinIsWhatItWasMade(t *testing.T) {
	var driven []bool
	p := newPin("RESET", 17, func(high bool) { driven = append(driven, high) })
	_ = p.Out(gpio.Low)
	if p.Function() != "Out" || p.Number() != 17 || p.Name() != "RESET" || !strings.Contains(p.String(), "\n") {
		t.Errorf("%s %d %s %s", p.Function(), p.Number(), p.Name(), p)
	}
	if p.Read(); p.Function() != "In" || len(driven) != 2 || driven[0] || !driven[1] {
		t.Errorf("reading an output makes it an input, which a chip sees as high: %v, %s", driven, p.Function())
	}
	if p.PWM(0, 0) == nil {
		t.Error("PWM works")
	}
}

func TestPinFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPin("BUSY", 20, nil)
		_ = p.In(gpio.PullNoChange, gpio.RisingEdge)
		p.loseEdges(1)
		p.set(true)
		if _, e := took(p, time.Second); e || p.Read() != gpio.High {
			t.Errorf("a lost edge: edge %v, level %v", e, p.Read())
		}
		high := gpio.High
		p.stick(&high)
		p.set(false)
		if p.Read() != gpio.High {
			t.Error("a stuck line moved")
		}
		p.stick(nil)
		if p.Read() != gpio.Low {
			t.Error("a line that was let go did not follow")
		}
		_ = p.Out(gpio.Low)
		p.set(true)
		if p.level != gpio.Low {
			t.Error("a line that the host drives moved")
		}
	})
}
