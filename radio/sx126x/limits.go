package sx126x

import (
	"fmt"
	"time"

	"packhorse/radio/phy"
)

// check says what this chip on this board cannot do.
func (o Opts) check(w phy.Wave, powerDBm int) error {
	if w.Stream() {
		return fmt.Errorf("%v: only LoRa is supported, not %v", o.Model, w.Modulation)
	}
	if err := w.Validate(); err != nil {
		return err
	}
	if low, high := o.Model.band(); w.FrequencyHz < low || w.FrequencyHz > high {
		return fmt.Errorf("%v: %s is out of its reach: use %s to %s", o.Model, phy.MHz(w.FrequencyHz), phy.MHz(low), phy.MHz(high))
	}
	if o.Model == LLCC68 {
		if err := checkLLCC68(w.Modulation); err != nil {
			return err
		}
	}
	if err := o.checkAirtime(w); err != nil {
		return err
	}
	return o.checkPower(w.FrequencyHz, powerDBm)
}

// timerSpare is what the timer of a transmission needs beside the time on air: the ramp and the clocks' errors take less.
const timerSpare = 100 * time.Millisecond

// checkAirtime refuses packets that the chip's own limit of 262 s would cut off.
func (o Opts) checkAirtime(w phy.Wave) error {
	n := maxFrame
	if w.Implicit {
		n = int(w.Length)
	}
	const most = maxTicks * timerTick
	if air := w.TimeOnAir(n); air+timerSpare+o.TCXODelay > most {
		return fmt.Errorf("%v: %d octets take %.0f s with a preamble of %d symbols, and this chip sends for %.0f s at most: use a shorter preamble, a lower spreading factor or more bandwidth",
			o.Model, n, air.Seconds(), w.PreambleSymbols, most.Seconds())
	}
	return nil
}

// band is what the synthesiser reaches (datasheets of the chips, general specifications).
func (m Model) band() (low, high uint32) {
	if m == SX1268 {
		return 410_000_000, 810_000_000
	}
	return 150_000_000, 960_000_000
}

// checkLLCC68 knows the settings that the LLCC68 lacks (LLCC68 datasheet section 6.1.1).
func checkLLCC68(m phy.Modulation) error {
	most := map[uint32]uint8{125_000: 9, 250_000: 10, 500_000: 11}[m.BandwidthHz]
	switch {
	case most == 0:
		return fmt.Errorf("llcc68: a bandwidth of %d Hz is beyond it: use 125000, 250000 or 500000", m.BandwidthHz)
	case m.SpreadingFactor > most:
		return fmt.Errorf("llcc68: SF%d at a bandwidth of %d Hz is too slow for it: use at most SF%d", m.SpreadingFactor, m.BandwidthHz, most)
	}
	return nil
}

func (o Opts) checkPower(frequencyHz uint32, powerDBm int) error {
	low, high := o.Model.power(frequencyHz)
	if powerDBm < low || powerDBm > high {
		return fmt.Errorf("%v: %d dBm at %s is beyond it: use %d to %d dBm", o.Model, powerDBm, phy.MHz(frequencyHz), low, high)
	}
	if o.MaxPowerDBm != 0 && powerDBm > o.MaxPowerDBm {
		return fmt.Errorf("%v: %d dBm at the chip is more than this board bears: use at most %d dBm", o.Model, powerDBm, o.MaxPowerDBm)
	}
	return nil
}

// power is what the amplifier can give (SX1261/2 datasheet section 13.1.14: 15 dBm of the SX1261 only from 400 MHz on).
func (m Model) power(frequencyHz uint32) (low, high int) {
	switch {
	case m != SX1261:
		return -9, 22
	case frequencyHz < 400_000_000:
		return -17, 14
	}
	return -17, 15
}

// Check says what a chip on this board cannot do, before there is one: what Configure would say of a modulation and power.
func (o Opts) Check(m phy.Modulation, powerDBm int) error {
	o = o.withDefaults()
	return o.check(phy.Wave{Modulation: m, SyncWord: o.SyncWord, CRC: true}, powerDBm)
}
