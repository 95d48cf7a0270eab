package board

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// shining records what a lamp did, and when.
type shining struct {
	start time.Time
	log   []string
	ended bool
}

func (s *shining) lamp(t *testing.T) *LED {
	s.start = time.Now()
	l, err := newLED(func(on bool) error {
		s.log = append(s.log, map[bool]string{true: "on ", false: "off "}[on]+time.Since(s.start).String())
		return nil
	}, func() error { s.ended = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *shining) want(t *testing.T, want ...string) {
	synctest.Wait()
	t.Helper()
	if !slices.Equal(s.log, want) {
		t.Errorf("got %v, want %v", s.log, want)
	}
}

func TestALampBlinksOnceForEventsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shining
		l := s.lamp(t)
		l.Blink()
		time.Sleep(30 * time.Millisecond)
		l.Blink()
		time.Sleep(time.Second)
		l.Blink()
		time.Sleep(time.Second)
		s.want(t, "off 0s", "on 0s", "off 70ms", "on 1.03s", "off 1.07s")
		if l.Close() != nil || !s.ended || l.Close() != nil {
			t.Error("close does not give it back once")
		}
		l.Blink()
		l.Set(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.log) != 6 {
			t.Errorf("got %v after the end", s.log)
		}
	})
}

func TestALampThatIsSetStaysOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shining
		l := s.lamp(t)
		l.Blink()
		l.Set(true)
		l.Blink()
		time.Sleep(time.Second)
		l.Set(false)
		time.Sleep(time.Second)
		s.want(t, "off 0s", "on 0s", "on 0s", "off 1s")
		l.Close()
	})
}

func TestNoLampIsALampThatDoesNothing(t *testing.T) {
	var l *LED
	l.Set(true)
	l.Blink()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	leds, err := tree(t, pi4).OpenLEDs(LEDMap{})
	if err != nil || leds != (LEDs{}) {
		t.Errorf("got %+v, %v", leds, err)
	}
}

func TestALampOfTheKernels(t *testing.T) {
	h := tree(t, pi4, map[string]string{"/sys/class/leds/ACT/trigger": "none timer [mmc0] heartbeat\n", "/sys/class/leds/ACT/brightness": "1"})
	leds, err := h.OpenLEDs(LEDMap{Rx: "led:ACT", Alarm: "led:PWR", Tx: "led:../x"})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "/sys/class/leds") || leds.Rx == nil || leds.Alarm != nil || leds.Tx != nil {
		t.Fatalf("got %+v, %v", leds, err)
	}
	state := func() string {
		return h.text("/sys/class/leds/ACT/trigger") + " " + h.text("/sys/class/leds/ACT/brightness")
	}
	if got := state(); got != "none 0" {
		t.Errorf("opened: got %q", got)
	}
	leds.Rx.Set(true)
	if got := state(); got != "none 1" {
		t.Errorf("on: got %q", got)
	}
	if err := leds.Rx.Close(); err != nil || state() != "mmc0 0" {
		t.Errorf("closed: got %q, %v", state(), err)
	}
}

// A lamp that cannot be lit keeps the trigger that it had.
func TestALampThatCannotBeHadIsGivenBack(t *testing.T) {
	h := tree(t, pi4, map[string]string{"/sys/class/leds/ACT/trigger": "none timer [mmc0] heartbeat\n"})
	leds, err := h.OpenLEDs(LEDMap{Rx: "led:ACT"})
	if trigger := h.text("/sys/class/leds/ACT/trigger"); !errors.Is(err, fs.ErrNotExist) || leds.Rx != nil || trigger != "mmc0" {
		t.Errorf("got %+v, %v, trigger %q", leds, err, trigger)
	}
}

func TestALampOnALineThatIsHeld(t *testing.T) {
	h := tree(t, pi4)
	chip := header("pinctrl-bcm2711", false)
	chip.Lines[5].Used = true
	h.Chips = func() ([]GPIOChip, error) { return []GPIOChip{chip}, nil }
	var held *HeldError
	if leds, err := h.OpenLEDs(LEDMap{Rx: "GPIO5"}); !errors.As(err, &held) || leds.Rx != nil {
		t.Errorf("got %+v, %v", leds, err)
	}
}

// fakeDog is a watchdog device.
type fakeDog struct {
	wrote   string
	closed  bool
	longest int
	broken  error
	asked   int
}

func (d *fakeDog) Write(b []byte) (int, error) { d.wrote += string(b); return len(b), d.broken }
func (d *fakeDog) Close() error                { d.closed = true; return nil }
func (d *fakeDog) setTimeout(s int) (int, error) {
	d.asked = s
	return min(s, d.longest), d.broken
}

func TestWatchdogIsFedAndDisarmed(t *testing.T) {
	d := &fakeDog{longest: 15}
	w, err := newWatchdog(d, 20500*time.Millisecond)
	if err != nil || w.Timeout() != 15*time.Second || d.asked != 21 {
		t.Fatalf("got %v, %v, asked for %d", w, err, d.asked)
	}
	if err := w.Feed(); err != nil || d.wrote != "\x00" {
		t.Errorf("fed: got %q, %v", d.wrote, err)
	}
	if err := w.Close(); err != nil || d.wrote != "\x00V" || !d.closed {
		t.Errorf("closed: got %q, closed %v, %v", d.wrote, d.closed, err)
	}
	if _, err := newWatchdog(&fakeDog{longest: 15}, 0); err != nil {
		t.Error(err)
	}
}

// TestWatchdogThatCannotBeSetIsDisarmed: opened and left alone it would restart the board.
func TestWatchdogThatCannotBeSetIsDisarmed(t *testing.T) {
	d := &fakeDog{broken: unix.EOPNOTSUPP}
	if _, err := newWatchdog(d, time.Second); !errors.Is(err, unix.EOPNOTSUPP) || d.wrote != "V" || !d.closed {
		t.Errorf("got %v, wrote %q, closed %v", err, d.wrote, d.closed)
	}
	w := &Watchdog{dog: &fakeDog{broken: unix.EIO}}
	if err := w.Feed(); !errors.Is(err, unix.EIO) {
		t.Errorf("got %v", err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "may restart") {
		t.Errorf("got %v", err)
	}
}

func TestNoWatchdog(t *testing.T) {
	if _, err := OpenWatchdog(t.TempDir()+"/watchdog0", time.Second); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "dtparam=watchdog=on") {
		t.Errorf("got %v", err)
	}
	plain := t.TempDir() + "/plain"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWatchdog(plain, time.Second); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("a plain file: got %v", err)
	}
}
