package rnode

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio"
)

func TestStatsOfTheChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		defer m.Close()
		if c := m.Channel(); radio.Measured(c.Busy) || radio.Measured(c.NoiseDBm) || !m.Stats().Reported.IsZero() {
			t.Errorf("before the first report: got %+v", c)
		}
		f.say(cmdChannel, 0, 192, 0x13, 0x88, 0x27, 0x10, 0, 1, 157-93, 157-117, 157-90)
		synctest.Wait()
		got := m.Stats()
		want := Stats{Reported: time.Now(), AirtimeShort: 0.0192, AirtimeLong: 0.5, LoadShort: 1, LoadLong: 0.0001, RSSIdBm: -93, NoiseFloorDBm: -117, InterferenceDBm: -90}
		want.TemperatureC, got.TemperatureC = 0, 0
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if c := m.Channel(); c.Busy != 1 || c.NoiseDBm != -117 {
			t.Errorf("channel: got %+v", c)
		}
		// -292 dBm is what the firmware says before it has measured.
		f.say(cmdChannel, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 121, 121, 0xFF)
		synctest.Wait()
		if got := m.Stats(); got.AirtimeShort != 1 || !math.IsNaN(got.RSSIdBm) || !math.IsNaN(got.NoiseFloorDBm) || !math.IsNaN(got.InterferenceDBm) {
			t.Errorf("not measured yet: got %+v", got)
		}
	})
}

func TestStatsOfTheModem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{preamble: 24}
		m := open(t, f, Opts{})
		defer m.Close()
		if got := m.Stats(); got.PreambleSymbols != 24 || got.Slot != 24*time.Millisecond || got.DIFS != 48*time.Millisecond || !math.IsNaN(got.TemperatureC) {
			t.Errorf("of its setting: got %+v", got)
		}
		f.say(cmdContend, 2, 15, 29)
		f.say(cmdBattery, 2, 80)
		f.say(cmdTemper, 120+38)
		f.say(cmdError, errMemoryLow)
		f.say(cmdBattery, 1)       // damaged
		f.say(cmdChannel, 1, 2, 3) // damaged
		f.say(cmdData, make([]byte, 300)...)
		synctest.Wait()
		got := m.Stats()
		if got.WindowLow != 15 || got.WindowHigh != 29 || got.Battery != Charging || got.BatteryPercent != 80 || got.TemperatureC != 38 {
			t.Errorf("got %+v", got)
		}
		if c := m.Channel(); c.Foreign != 1 {
			t.Errorf("a frame of two packets: got %+v", c)
		}
		if got.Warnings != 1 || got.Lost != 1 || !got.Reported.IsZero() {
			t.Errorf("counters: got %+v", got)
		}
	})
}

func TestFirmwareWithALongerPreambleIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := Open(context.Background(), wire(&fake{preamble: 25}), Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Configure(context.Background(), testMod, 17); err == nil || !strings.Contains(err.Error(), "25 symbols") {
			t.Errorf("got %v, want an error about the preamble", err)
		}
		if err := m.Transmit(context.Background(), []byte{1}); err == nil {
			t.Error("transmitted what would be counted short")
		}
	})
}

func TestQueueThatDoesNotEmptyRestartsTheModem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		m := open(t, f, Opts{})
		defer m.Close()
		f.full = 1000
		if err := m.Transmit(context.Background(), []byte{1}); !errors.Is(err, ErrStuck) {
			t.Errorf("got %v, want ErrStuck", err)
		}
		synctest.Wait()
		if f.commands[len(f.commands)-1] != cmdReset || f.hears[len(f.hears)-1][0] != resetKey {
			t.Errorf("last command %02X, want a reset", f.commands[len(f.commands)-1])
		}
	})
}

func TestRestartWhileOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{deaf: 2}
		host := wire(f)
		start := time.Now()
		go func() {
			time.Sleep(900 * time.Millisecond)
			f.say(cmdReset, resetKey)
		}()
		m, err := Open(context.Background(), host, Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if took := time.Since(start); took > 1500*time.Millisecond+patience {
			t.Errorf("opened after %v", took)
		}
	})
}

func TestModemThatIsNotSetUp(t *testing.T) {
	for lock, want := range map[byte]string{0: "rnodeconf --autoinstall", 1: "radio state 0 instead of 1"} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{wrong: map[byte][]byte{cmdState: {0}, cmdLock: {lock}}}
			m, err := Open(context.Background(), wire(f), Opts{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if err := m.Configure(context.Background(), testMod, 17); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("lock %d: got %v, want %q", lock, err, want)
			}
		})
	}
}

func TestExtras(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{wrong: map[byte][]byte{cmdRandom: {77}, cmdLock: {1}}}
		m := open(t, f, Opts{})
		defer m.Close()
		ctx := context.Background()
		if got, err := m.Random(ctx); err != nil || got != 77 {
			t.Errorf("random: got %d, %v", got, err)
		}
		if got, err := m.Lock(ctx); err != nil || !got {
			t.Errorf("lock: got %v, %v", got, err)
		}
		if err := m.Blink(3); err != nil {
			t.Error(err)
		}
		p := &Picture{0: 0xC0, 511: 0x11}
		if err := m.Show(ctx, p); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		n := slices.Index(f.commands, byte(cmdDraw))
		if n < 1 || f.commands[n-1] != cmdBlink || f.hears[n-1][0] != 3 {
			t.Errorf("before the picture: % x", f.commands)
		}
		if got := f.hears[n+63]; f.commands[n+63] != cmdDraw || got[0] != 63 || got[8] != 0x11 || f.hears[n][1] != 0xC0 {
			t.Errorf("lines: got % x ... % x", f.hears[n], got)
		}
		f.wrong[cmdDrawn] = p[:]
		if got, err := m.Shown(ctx); err != nil || *got != *p {
			t.Errorf("shown: got %v, %v", got, err)
		}
		f.wrong[cmdDrawn] = []byte{0xFF}
		if _, err := m.Shown(ctx); err == nil {
			t.Error("no display: got no error")
		}
		f.silent = true
		if err := m.Show(ctx, nil); err == nil || !strings.Contains(err.Error(), "does not show") {
			t.Errorf("no display: got %v", err)
		}
	})
}
