package clock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// stepBeyond is the offset beyond which the clock is set and not steered: the kernel steers half a second at most
// (MAXPHASE), in minutes.
const stepBeyond = 400 * time.Millisecond

// adjustment is what is asked of the kernel.
type adjustment struct {
	offset time.Duration
	step   bool          // at once; else the clock runs a little faster or slower
	leap   int8          // as sample.leap
	poll   time.Duration // when the next one comes
	unsure time.Duration // how far the clock may be off afterwards
}

func plan(s sample, poll time.Duration) adjustment {
	return adjustment{offset: s.offset, step: s.offset.Abs() > stepBeyond, leap: s.leap, poll: poll, unsure: s.distance}
}

// timex is the adjustment as adjtimex(2) takes it. It clears STA_UNSYNC, so that the kernel counts as synchronised until
// its own estimate of the error has grown to 16 seconds, which takes nine hours.
func (a adjustment) timex() unix.Timex {
	t := unix.Timex{Modes: unix.ADJ_STATUS | unix.ADJ_NANO | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR, Status: unix.STA_PLL}
	put(&t.Maxerror, a.unsure.Microseconds())
	put(&t.Esterror, a.unsure.Microseconds())
	switch {
	case a.leap > 0:
		t.Status |= unix.STA_INS
	case a.leap < 0:
		t.Status |= unix.STA_DEL
	}
	if a.step {
		t.Modes |= unix.ADJ_SETOFFSET
		seconds, rest := split(a.offset)
		put(&t.Time.Sec, seconds)
		put(&t.Time.Usec, rest) // nanoseconds, by ADJ_NANO
		return t
	}
	t.Modes |= unix.ADJ_OFFSET | unix.ADJ_TIMECONST
	put(&t.Offset, a.offset.Nanoseconds())
	put(&t.Constant, timeConstant(a.poll))
	return t
}

// split gives seconds, and nanoseconds that are never negative.
func split(d time.Duration) (seconds, nano int64) {
	seconds, nano = int64(d/time.Second), int64(d%time.Second)
	if nano < 0 {
		seconds, nano = seconds-1, nano+int64(time.Second)
	}
	return seconds, nano
}

// timeConstant is that of the kernel's loop: the logarithm of the poll interval, less four (adjtimex(2), MAXTC is 10).
func timeConstant(poll time.Duration) (c int64) {
	for s := int64(poll / time.Second); s > 16 && c < 10; s /= 2 {
		c++
	}
	return c
}

// put sets a field whose width differs between 32 and 64 bits.
func put[T ~int32 | ~int64](field *T, v int64) { *field = T(v) }

// kernel is the clock of this machine.
type kernel struct{}

func (kernel) now() time.Time { return time.Now() }

func (kernel) adjust(a adjustment) error {
	t := a.timex()
	if _, err := unix.Adjtimex(&t); err != nil {
		return fmt.Errorf("clock: adjtimex: %w", err)
	}
	return nil
}

// set sets the clock; the kernel counts as not synchronised from then on.
func (kernel) set(t time.Time) error {
	tv := unix.NsecToTimeval(t.UnixNano())
	if err := unix.Settimeofday(&tv); err != nil {
		return fmt.Errorf("clock: settimeofday: %w", err)
	}
	return nil
}
