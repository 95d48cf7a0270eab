package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// batteryEvery is how often the supply is measured: often enough to notice a minute, seldom enough to cost nothing.
const batteryEvery = 10 * time.Second

// trustAfter is how many readings have to make no sense before somebody is told.
const trustAfter = 3

// powerOffFile is written beside the socket when the board is to be switched off; whoever supervises the gateway does
// it, because a gateway has no right to.
const powerOffFile = "poweroff"

// battery measures the supply of the board. status reads from any goroutine, run has one of its own.
type battery struct {
	cfg  config.Battery
	log  *slog.Logger
	open func(path string) (i2c.BusCloser, error)

	mu     sync.Mutex
	supply board.Supply
	err    error // of the last reading
	tries  int
}

// newBattery is nil where nothing is measured.
func (a *app) newBattery(l *config.Loaded, log *slog.Logger) *battery {
	if l.Battery.ADC == "" {
		return nil
	}
	open := a.buses
	if open == nil {
		open = board.OpenI2C
	}
	return &battery{cfg: l.Battery, log: log, open: open, supply: board.Supply{Low: l.Battery.LowVolts, Empty: l.Battery.ShutdownVolts}}
}

// run measures until ctx ends, or until the battery is empty: then it answers why.
func (b *battery) run(ctx context.Context) (empty string) {
	tick := time.NewTicker(batteryEvery)
	defer tick.Stop()
	var bus i2c.BusCloser
	defer func() {
		if bus != nil {
			bus.Close()
		}
	}()
	for {
		if bus == nil {
			bus = b.openBus()
		}
		if bus != nil && !b.read(bus) {
			bus.Close()
			bus = nil
		}
		if v, ok := b.isEmpty(); ok {
			return fmt.Sprintf("the battery is empty: %.2f V is below shutdown_volts = %g", v, b.cfg.ShutdownVolts)
		}
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
	}
}

func (b *battery) openBus() i2c.BusCloser {
	bus, err := b.open(b.cfg.Bus)
	if err != nil {
		b.note(0, err)
		return nil
	}
	return bus
}

// read takes a reading. Where the bus fails it is opened anew.
func (b *battery) read(bus i2c.Bus) bool {
	v, err := board.NewADC(bus, uint16(b.cfg.Address), b.cfg.Channel).Volts()
	b.note(v*b.cfg.Ratio, err)
	return err == nil
}

func (b *battery) note(volts float64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil:
		b.supply.Miss()
	case !b.supply.Add(time.Now(), volts):
		b.log.Debug("a reading of the battery is passed over", "volts", volts)
	}
	b.tries++
	if (err == nil) != (b.err == nil) {
		b.log.Info("battery", "works", err == nil, "error", err)
	}
	b.err = err
}

func (b *battery) isEmpty() (volts float64, empty bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	volts, _ = b.supply.Volts(now)
	return volts, b.supply.IsEmpty(now)
}

// status is what the gateway says of the battery; 0 V: nothing is known.
func (b *battery) status() (volts float64, problems []admin.Problem) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	volts, ok := b.supply.Volts(now)
	switch {
	case ok && b.supply.IsLow(now):
		problems = append(problems, admin.Problem{Level: "warn", What: fmt.Sprintf("battery %.2f V, below low_volts = %g", volts, b.cfg.LowVolts), Fix: "charge it" + b.end()})
	case b.err != nil:
		problems = append(problems, admin.Problem{Level: "warn", What: "the battery is not measured: " + b.err.Error(), Fix: b.mend()})
	case !ok && b.tries >= trustAfter:
		problems = append(problems, admin.Problem{Level: "warn", What: "the battery's readings make no sense", Fix: "look at the wire to input " + fmt.Sprint(b.cfg.Channel) + " and at ratio in [battery]; such readings never switch the board off"})
	}
	return volts, problems
}

func (b *battery) end() string {
	if b.cfg.ShutdownVolts == 0 {
		return ""
	}
	return fmt.Sprintf("; a minute below %g V the gateway ends and the board is switched off", b.cfg.ShutdownVolts)
}

// mend is what to do about a converter that does not answer.
func (b *battery) mend() string {
	if e := (*board.DeviceError)(nil); errors.As(b.err, &e) && e.Fix != "" {
		return e.Fix
	}
	return "look at its supply, SDA and SCL, and at bus and address in [battery]"
}

// watch ends the gateway in order when the battery is empty, and asks for the board to be switched off.
func (b *battery) watch(ctx context.Context, socket string, stop func()) {
	file := filepath.Join(filepath.Dir(socket), powerOffFile)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.log.Warn("an old wish to be switched off stays", "file", file, "error", err)
	}
	why := b.run(ctx)
	if why == "" {
		return
	}
	b.log.Error(why+"; the gateway ends", "file", file)
	if err := os.WriteFile(file, []byte(why+"\n"), 0o644); err != nil {
		b.log.Error("nobody is asked to switch the board off", "error", err)
	}
	stop()
}
