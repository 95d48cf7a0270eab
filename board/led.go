package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// blinkFor is how long a lamp shines for one event: long enough to be seen.
const blinkFor = 40 * time.Millisecond

// LED is a lamp of the board: one of the kernel's, or a GPIO line. A nil LED is one that is not there; everything
// may be done to it, and nothing happens. Safe for concurrent use.
type LED struct {
	mu    sync.Mutex
	light func(on bool) error
	end   func() error
	timer *time.Timer // switches off after a blink; one for the life of the lamp
	on    bool        // Set keeps it on
}

// LEDs are the lamps of a radio board. Those that a board lacks are nil.
type LEDs struct{ Rx, Tx, Alarm *LED }

// ledName is the name of a lamp of the kernel's, in "led:NAME".
func ledName(ref string) (string, bool) { return strings.CutPrefix(ref, "led:") }

// OpenLEDs opens the lamps of a profile, dark. A lamp that cannot be had is nil and among the errors that are joined:
// a radio works without.
func OpenLEDs(m LEDMap) (LEDs, error) { return Host{}.OpenLEDs(m) }

// OpenLEDs is OpenLEDs for this computer.
func (h Host) OpenLEDs(m LEDMap) (leds LEDs, err error) {
	for _, l := range []struct {
		ref string
		led **LED
	}{{m.Rx, &leds.Rx}, {m.Tx, &leds.Tx}, {m.Alarm, &leds.Alarm}} {
		if l.ref == "" {
			continue
		}
		led, failed := h.openLED(l.ref)
		*l.led, err = led, errors.Join(err, failed)
	}
	return leds, err
}

func (h Host) openLED(ref string) (*LED, error) {
	if name, named := ledName(ref); named {
		return h.openSysLED(name)
	}
	pin, err := h.pin(PinRef(ref))
	if err != nil {
		return nil, err
	}
	return newLED(func(on bool) error { return pin.Out(gpio.Level(on)) }, func() error { Release(pin); return nil })
}

// openSysLED takes a lamp from the kernel's triggers and gives it back at the end
// (Documentation/leds/leds-class.rst).
func (h Host) openSysLED(name string) (*LED, error) {
	dir := h.path("/sys/class/leds/" + name)
	if strings.ContainsAny(name, "/\\") || !h.exists("/sys/class/leds/"+name) {
		return nil, &DeviceError{What: fmt.Sprintf("there is no lamp %q", name), Fix: "name one of those in /sys/class/leds", Err: fs.ErrNotExist}
	}
	trigger := selected(h.text("/sys/class/leds/" + name + "/trigger"))
	giveBack := func() error {
		if trigger == "" {
			return nil
		}
		return os.WriteFile(dir+"/trigger", []byte(trigger), 0)
	}
	if err := os.WriteFile(dir+"/trigger", []byte("none"), 0); err != nil {
		return nil, fmt.Errorf("board: take the lamp %s: %w", name, err)
	}
	f, err := os.OpenFile(dir+"/brightness", os.O_WRONLY, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("board: take the lamp %s: %w", name, err), giveBack())
	}
	light := func(on bool) error {
		_, err := f.WriteAt([]byte{'0' + map[bool]byte{true: 1}[on]}, 0)
		return err
	}
	return newLED(light, func() error { return errors.Join(f.Close(), giveBack()) })
}

// selected is the word in brackets: the trigger that is active.
func selected(triggers string) string {
	_, rest, _ := strings.Cut(triggers, "[")
	word, _, _ := strings.Cut(rest, "]")
	return word
}

// newLED starts dark, which also finds out whether the lamp may be used.
func newLED(light func(bool) error, end func() error) (*LED, error) {
	if err := light(false); err != nil {
		return nil, errors.Join(fmt.Errorf("board: switch a lamp: %w", err), end())
	}
	l := &LED{light: light, end: end}
	l.timer = time.AfterFunc(time.Hour, l.dark)
	l.timer.Stop()
	return l, nil
}

// Set switches the lamp on or off until further notice.
func (l *LED) Set(on bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
	l.timer.Stop()
	l.show(on)
}

// Blink lights the lamp for a moment, and again from now when it shines already. A lamp that is set on stays on.
func (l *LED) Blink() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on || l.light == nil {
		return
	}
	if !l.timer.Reset(blinkFor) { // it was dark
		l.show(true)
	}
}

func (l *LED) dark() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on {
		l.show(false)
	}
}

// show does what it can: a lamp is no reason to fail.
func (l *LED) show(on bool) {
	if l.light != nil {
		l.light(on)
	}
}

// Close switches the lamp off and gives it back.
func (l *LED) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.light == nil {
		return nil
	}
	l.timer.Stop()
	err := errors.Join(l.light(false), l.end())
	l.light = nil
	return err
}
