package board_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"packhorse/board"
	"packhorse/board/sim"
)

func TestADC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chip := &sim.ADS1115{Address: 0x49}
		adc := board.NewADC(chip, 0x49, 2)
		for _, want := range []float64{1.234, 0, 3.3, 1.0} {
			chip.Set(2, want)
			if got, err := adc.Volts(); err != nil || math.Abs(got-want) > 0.001 {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		}
	})
}

func TestADCThatIsNotRight(t *testing.T) {
	broken := errors.New("bus fault")
	for what, c := range map[string]struct {
		spoil func(*sim.ADS1115)
		at    uint16
		want  string
	}{
		"no device":      {func(*sim.ADS1115) {}, 0x4a, "nothing answers at address 74"},
		"a fault":        {func(a *sim.ADS1115) { a.Fail(broken) }, 0x48, "bus fault"},
		"it never ends":  {(*sim.ADS1115).Stick, 0x48, "does not end"},
		"too many volts": {func(a *sim.ADS1115) { a.Set(0, 5) }, 0x48, "divider"},
	} {
		synctest.Test(t, func(t *testing.T) {
			chip := &sim.ADS1115{Address: 0x48}
			c.spoil(chip)
			if v, err := board.NewADC(chip, c.at, 0).Volts(); !errors.Is(err, board.ErrADC) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, %v", what, v, err)
			}
		})
	}
}

func TestI2CBusByName(t *testing.T) {
	for _, path := range []string{"", "/dev/spidev0.0", "/dev/i2c-x", "/dev/i2c--1", "/dev/i2c-255"} {
		if _, err := board.OpenI2C(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", path, err)
		}
	}
}
