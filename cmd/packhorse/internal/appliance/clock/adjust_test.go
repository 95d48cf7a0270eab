package clock

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestStepWhenFarElseSteer(t *testing.T) {
	for _, c := range []struct {
		offset      time.Duration
		leap        int8
		step        bool
		status      int32
		seconds, ns int64
	}{
		{300 * ms, 0, false, unix.STA_PLL, 0, 3e8},
		{-400 * ms, 1, false, unix.STA_PLL | unix.STA_INS, 0, -4e8},
		{1500 * ms, 0, true, unix.STA_PLL, 1, 5e8},
		{-1500 * ms, -1, true, unix.STA_PLL | unix.STA_DEL, -2, 5e8},
		{56 * 365 * 24 * time.Hour, 0, true, unix.STA_PLL, 56 * 365 * 24 * 3600, 0},
	} {
		a := plan(sample{offset: c.offset, leap: c.leap, distance: 7 * ms}, 64*time.Second)
		x := a.timex()
		if a.step != c.step || x.Status != c.status || x.Maxerror != 7000 {
			t.Errorf("%v: %+v, status %#x", c.offset, a, x.Status)
		}
		if stepped := x.Modes&unix.ADJ_SETOFFSET != 0; stepped != c.step || x.Modes&unix.ADJ_STATUS == 0 {
			t.Errorf("%v: modes %#x", c.offset, x.Modes)
		}
		if c.step && (int64(x.Time.Sec) != c.seconds || int64(x.Time.Usec) != c.ns) || !c.step && int64(x.Offset) != c.ns {
			t.Errorf("%v: step by %+v, steer by %d", c.offset, x.Time, x.Offset)
		}
	}
}

func TestTimeConstant(t *testing.T) {
	for poll, want := range map[time.Duration]int64{0: 0, 16 * time.Second: 0, 64 * time.Second: 2, 2048 * time.Second: 7, 1000 * time.Hour: 10} {
		if got := timeConstant(poll); got != want {
			t.Errorf("%v: got %d, want %d", poll, got, want)
		}
	}
}
