// Package power makes the appliance take little of it: the processor's frequency, the screen, and USB devices that
// nothing drives. docs/POWER.md says what that saves, by data sheets.
package power

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config says what may be saved.
type Config struct {
	Governor string // of cpufreq; empty: as the kernel has it
	HDMI     bool   // leave the screen on
	Root     string // what stands for "/"; empty: "/"
}

// lookAgain is how often to look for what was plugged in. A device that waits a minute for its sleep costs nothing.
const lookAgain = time.Minute

// Run applies it, looks again from time to time for what was plugged in, and returns nil when ctx ends. What the
// hardware does not offer is passed over.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	s := &saver{cfg: cfg, resting: map[string]bool{}}
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for said := ""; ; {
		if err := s.apply(); err == nil {
			said = ""
		} else if err.Error() != said {
			said = err.Error()
			log.Warn("power is not saved as configured", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// saver writes what differs. One goroutine owns it.
type saver struct {
	cfg     Config
	dark    bool            // the screen was switched off
	resting map[string]bool // USB devices that we let sleep
}

func (s *saver) apply() error {
	s.screen()
	return errors.Join(s.governor(), s.usb())
}

func (s *saver) path(p string) string { return filepath.Join("/", s.cfg.Root, p) }

func (s *saver) glob(pattern string) []string {
	found, _ := filepath.Glob(s.path(pattern)) // fails only on a bad pattern; the result is sorted
	return found
}

func text(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 4096))
	return strings.TrimSpace(string(b))
}

// put writes a word where there is another one.
func put(file, word string) error {
	if text(file) == word {
		return nil
	}
	return os.WriteFile(file, []byte(word), 0)
}

// governor sets how frequencies are chosen (Documentation/admin-guide/pm/cpufreq.rst).
func (s *saver) governor() error {
	var errs []error
	for _, dir := range s.glob("/sys/devices/system/cpu/cpufreq/policy*") {
		offered := strings.Fields(text(dir + "/scaling_available_governors"))
		switch {
		case s.cfg.Governor == "":
		case !slices.Contains(offered, s.cfg.Governor):
			errs = append(errs, fmt.Errorf("power: this kernel has no governor %q: appliance.governor can be one of %s", s.cfg.Governor, strings.Join(offered, ", ")))
		default:
			errs = append(errs, put(dir+"/scaling_governor", s.cfg.Governor))
		}
	}
	return errors.Join(errs...)
}

const powerDown = "4" // FB_BLANK_POWERDOWN of linux/fb.h

// screen switches off frame buffers and the connectors of kernels that drive them themselves. Where a driver cannot,
// the firmware's config.txt is what is left.
func (s *saver) screen() {
	if s.cfg.HDMI || s.dark {
		return
	}
	s.dark = true // once: who plugs in a screen and a keyboard later shall see what is typed
	for _, f := range s.glob("/sys/class/graphics/fb*/blank") {
		_ = os.WriteFile(f, []byte(powerDown), 0) // a frame buffer of the firmware's refuses
	}
	for _, f := range s.glob("/sys/class/drm/card*-HDMI-A-*/status") {
		_ = os.WriteFile(f, []byte("off"), 0)
	}
}

// usb lets devices sleep that nothing drives, and wakes those that something drives since. Radios, network and disks
// have drivers and are never touched: a serial port that sleeps loses what comes (Documentation/driver-api/usb/power-management.rst).
func (s *saver) usb() error {
	var errs []error
	for _, dir := range s.glob("/sys/bus/usb/devices/*") {
		name, control := filepath.Base(dir), dir+"/power/control"
		if text(dir+"/idVendor") == "" || text(control) == "" {
			continue // an interface
		}
		switch idle := s.undriven(dir); {
		case idle && !s.resting[name]:
			s.resting[name] = true
			errs = append(errs, put(control, "auto"))
		case !idle && s.resting[name]:
			delete(s.resting, name)
			errs = append(errs, put(control, "on"))
		}
	}
	for name := range s.resting {
		if text(s.path("/sys/bus/usb/devices/"+name+"/idVendor")) == "" {
			delete(s.resting, name) // unplugged
		}
	}
	return errors.Join(errs...)
}

const hubClass = "09" // of USB; the kernel lets hubs sleep by itself

// undriven tells whether no driver has an interface of a device.
func (s *saver) undriven(dir string) bool {
	if text(dir+"/bDeviceClass") == hubClass {
		return false
	}
	interfaces, _ := filepath.Glob(dir + "/*:*.*")
	return len(interfaces) > 0 && !slices.ContainsFunc(interfaces, func(i string) bool {
		_, err := os.Lstat(i + "/driver")
		return err == nil
	})
}
