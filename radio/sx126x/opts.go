package sx126x

import (
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"

	"packhorse/radio/phy"
)

// Model is a chip of the family. An SX1262 calls itself "SX1261" too, and none tells its amplifier, so a board has to say
// which it bears.
type Model uint8

// The models. The SX1261 has the small amplifier, the others the large one; the SX1268 is for 410 to 810 MHz; the
// LLCC68 cannot do slow settings.
const (
	SX1262 Model = iota
	SX1261
	SX1268
	LLCC68
)

func (m Model) String() string {
	switch m {
	case SX1262:
		return "sx1262"
	case SX1261:
		return "sx1261"
	case SX1268:
		return "sx1268"
	case LLCC68:
		return "llcc68"
	}
	return fmt.Sprintf("sx126x model %d", uint8(m))
}

// Opts are what the chip cannot find out: the board that it sits on. The zero value is an SX1262 with a crystal, whose
// antenna switch is wired to nothing.
type Opts struct {
	Model Model
	// Clock of the bus, at most 16 MHz. Default 2 MHz, which wires of a hand's length carry.
	Clock physic.Frequency
	// TCXOMillivolts is the supply of an oscillator on DIO3: 1600, 1700, 1800, 2200, 2400, 2700, 3000 or 3300.
	// 0: the board has a crystal, or a TCXO that is always on.
	TCXOMillivolts int
	// TCXODelay is how long it takes to be steady. Default 5 ms.
	TCXODelay time.Duration
	// DIO2Switch: DIO2 drives the antenna switch.
	DIO2Switch bool
	// LDO: the board has no coil for the DC-DC converter.
	LDO bool
	// MaxPowerDBm is the most that the chip may give, where an amplifier behind it or the board wants less than the
	// chip can do. 0: as much as it can.
	MaxPowerDBm int
	// OptimalPA takes Semtech's amplifier steps for 14, 17 and 20 dBm (10 and 14 of the SX1261), which need less
	// current, on boards that are matched for them. Else the amplifier is always set for its maximum and driven less.
	OptimalPA bool
	// CurrentLimitMA protects the amplifier. Default 140, of the SX1261 60.
	CurrentLimitMA int
	// PowerSavingGain receives with 2 mA less, and up to 3 dB less sensitive.
	PowerSavingGain bool
	// SyncWord of Configure. Default phy.SyncPrivate.
	SyncWord byte
}

const (
	defaultClock     = 2 * physic.MegaHertz
	maxClock         = 16 * physic.MegaHertz // SX1261/2 datasheet table 8-1
	defaultTCXODelay = 5 * time.Millisecond
	maxTCXODelay     = time.Second
	maxCurrentMA     = 140 // what SetPaConfig sets for the large amplifier, and for the small one the next
	smallCurrentMA   = 60
)

func (o Opts) withDefaults() Opts {
	if o.Clock == 0 {
		o.Clock = defaultClock
	}
	if o.TCXODelay == 0 {
		o.TCXODelay = defaultTCXODelay
	}
	if o.SyncWord == 0 {
		o.SyncWord = phy.SyncPrivate
	}
	if o.CurrentLimitMA == 0 {
		o.CurrentLimitMA = maxCurrentMA
		if o.Model == SX1261 {
			o.CurrentLimitMA = smallCurrentMA
		}
	}
	return o
}

func (o Opts) validate() error {
	_, tcxo := tcxoCode(o.TCXOMillivolts)
	switch {
	case o.Model > LLCC68:
		return fmt.Errorf("sx126x: %v is none of SX1261, SX1262, SX1268, LLCC68", o.Model)
	case o.Clock < 0 || o.Clock > maxClock:
		return fmt.Errorf("%v: clock %v: use at most %v", o.Model, o.Clock, maxClock)
	case o.TCXOMillivolts != 0 && !tcxo:
		return fmt.Errorf("%v: TCXO supply of %d mV: use 1600, 1700, 1800, 2200, 2400, 2700, 3000 or 3300, or 0 for a crystal", o.Model, o.TCXOMillivolts)
	case o.TCXODelay < 0 || o.TCXODelay > maxTCXODelay:
		return fmt.Errorf("%v: TCXO delay %v: use at most %v", o.Model, o.TCXODelay, maxTCXODelay)
	case o.CurrentLimitMA < 0 || o.CurrentLimitMA > maxCurrentMA:
		return fmt.Errorf("%v: current limit %d mA: use at most %d", o.Model, o.CurrentLimitMA, maxCurrentMA)
	}
	return nil
}

// tcxoCode is the first parameter of SetDIO3AsTcxoCtrl (SX1261/2 datasheet table 13-35).
func tcxoCode(millivolts int) (code byte, ok bool) {
	for i, v := range [...]int{1600, 1700, 1800, 2200, 2400, 2700, 3000, 3300} {
		if v == millivolts {
			return byte(i), true
		}
	}
	return 0, false
}
