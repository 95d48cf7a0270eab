package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/i2c"

	"packhorse/board"
	"packhorse/board/sim"
	"packhorse/cmd/packhorse/internal/config"
)

// supplyRig is a battery behind a divider of 11 at input 1 of a simulated converter.
type supplyRig struct {
	*battery
	chip   *sim.ADS1115
	opened int
	absent atomic.Pointer[board.DeviceError]
}

func newSupplyRig(volts float64) *supplyRig {
	c := &supplyRig{chip: &sim.ADS1115{Address: 0x48}}
	c.set(volts)
	a := &app{buses: c.openBus}
	c.battery = a.newBattery(&config.Loaded{Config: config.Config{Battery: config.Battery{ADC: "ads1115", Bus: "/dev/i2c-1", Address: 0x48, Channel: 1, Ratio: 11, LowVolts: 11.8, ShutdownVolts: 11.2}}}, slog.New(slog.DiscardHandler))
	return c
}

func (c *supplyRig) openBus(string) (i2c.BusCloser, error) {
	c.opened++
	if err := c.absent.Load(); err != nil {
		return nil, err
	}
	return c.chip, nil
}

func (c *supplyRig) set(volts float64) { c.chip.Set(1, volts/11) }

// during lets the battery be watched while something happens; it answers what was asked for at the end, and whether the
// gateway was told to stop.
func (c *supplyRig) during(t *testing.T, dir string, then func()) (note string, stopped bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.watch(ctx, filepath.Join(dir, "packhorse.sock"), func() { stopped = true })
	}()
	then()
	cancel()
	<-done
	b, err := os.ReadFile(filepath.Join(dir, powerOffFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return string(b), stopped
}

func (c *supplyRig) want(t *testing.T, what string, volts float64, problem string) {
	t.Helper()
	v, problems := c.status()
	text := ""
	for _, p := range problems {
		text += p.What + "; " + p.Fix
	}
	if math.Abs(v-volts) > 0.02 || problem == "" && text != "" || !strings.Contains(text, problem) {
		t.Errorf("%s: %.2f V, %q, want %.2f V, %q", what, v, text, volts, problem)
	}
}

func TestNoBattery(t *testing.T) {
	if b := (&app{}).newBattery(&config.Loaded{}, slog.New(slog.DiscardHandler)); b != nil {
		t.Error("measures what nobody configured")
	}
}

func TestBatteryRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, dir := newSupplyRig(12.6), t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, powerOffFile), []byte("of last time"), 0o600); err != nil {
			t.Fatal(err)
		}
		note, stopped := c.during(t, dir, func() {
			c.want(t, "before the first reading", 0, "")
			time.Sleep(time.Minute)
			c.want(t, "full", 12.6, "")
			c.set(11.6)
			time.Sleep(3 * time.Minute)
			c.want(t, "low", 11.6, "below low_volts = 11.8; charge it; a minute below 11.2 V")
			c.set(11.0)
			time.Sleep(50 * time.Second)
			if _, err := os.Stat(filepath.Join(dir, powerOffFile)); err == nil {
				t.Error("ends within a minute, or an old wish stayed")
			}
			time.Sleep(3 * time.Minute)
		})
		if !stopped || !strings.Contains(note, "11.") || !strings.Contains(note, "below shutdown_volts = 11.2") {
			t.Errorf("stopped %v, %q", stopped, note)
		}
		if n := c.chip.Conversions(); n < 20 || n > 40 {
			t.Errorf("%d readings", n)
		}
	})
}

func TestBatteryThatNeverEnds(t *testing.T) {
	for what, c := range map[string]struct {
		happens func(c *supplyRig)
		problem string
	}{
		"a loose wire":          {func(c *supplyRig) { c.set(0) }, "look at the wire to input 1"},
		"the converter is gone": {func(c *supplyRig) { c.chip.Fail(errors.New("no such device")) }, "look at its supply, SDA and SCL"},
		"too much for it":       {func(c *supplyRig) { c.set(60) }, "divider"},
		"no bus": {func(c *supplyRig) {
			c.chip.Fail(errors.New("bus gone"))
			c.absent.Store(&board.DeviceError{What: "no bus", Fix: "enable it"})
		}, "enable it"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newSupplyRig(11.0) // and it would be empty
			note, stopped := b.during(t, t.TempDir(), func() {
				time.Sleep(45 * time.Second)
				c.happens(b)
				time.Sleep(time.Hour)
				b.want(t, what, 0, c.problem)
			})
			if stopped || note != "" {
				t.Errorf("%s switches the board off: %q", what, note)
			}
		})
	}
}

func TestBatteryComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newSupplyRig(12.6)
		_, stopped := c.during(t, t.TempDir(), func() {
			time.Sleep(time.Second)
			c.chip.Fail(errors.New("a bump"))
			time.Sleep(time.Minute)
			c.chip.Fail(nil)
			time.Sleep(time.Minute)
			c.want(t, "after a bump", 12.6, "")
		})
		if c.opened < 3 || stopped {
			t.Errorf("the bus was opened %d times, stopped %v", c.opened, stopped)
		}
	})
}
