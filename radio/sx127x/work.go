package sx127x

import (
	"fmt"
	"time"

	"packhorse/radio/chip"
)

// Receive starts continuous reception.
func (d *Driver) Receive() error { return d.listen(dioRxDone, modeRx) }

// Detect starts channel activity detection, which takes about two symbols.
func (d *Driver) Detect() error { return d.listen(dioCadDone, modeCAD) }

const leastSymbols, mostSymbols = 4, 0x3FF // RegSymbTimeout has 10 bits; the least: datasheet section 4.1.5

// ReceiveFor waits for one packet that begins within this time, at most 1023 symbols, and ends in standby: with a packet or
// with Event.TimedOut, of which the interrupt line does not tell.
func (d *Driver) ReceiveFor(limit time.Duration) error {
	if !d.configured() {
		return chip.ErrNotConfigured
	}
	symbol := d.wave.SymbolTime()
	symbols := max(leastSymbols, min((limit+symbol-1)/symbol, mostSymbols))
	if err := d.enter(modeStandby); err != nil {
		return err
	}
	err := d.putAll(
		setting{regModemConfig2, d.modemConfig2() | byte(symbols>>8)},
		setting{regSymbTimeout, byte(symbols)})
	if err != nil {
		return err
	}
	return d.listen(dioRxDone, modeRxSingle)
}

// listen starts something that receives.
func (d *Driver) listen(dio byte, m mode) error {
	iq, iq2 := d.receiveIQ()
	if err := d.prepare(d.receiveHz(), dio, iq, iq2); err != nil {
		return err
	}
	if d.wave.Implicit {
		if err := d.put(regPayloadLength, d.wave.Length); err != nil {
			return err
		}
	}
	if err := d.pins.Route(chip.PathReceive); err != nil {
		return err
	}
	return d.enter(m)
}

// Transmit starts to send a frame of 1 to 255 octets; where packets have no header, of the length agreed on.
func (d *Driver) Transmit(frame []byte) error {
	if len(frame) == 0 || len(frame) > 255 || d.wave.Implicit && len(frame) != int(d.wave.Length) {
		return fmt.Errorf("sx127x: a frame of %d octets does not fit", len(frame))
	}
	iq, iq2 := d.transmitIQ()
	if err := d.prepare(d.wave.FrequencyHz, dioTxDone, iq, iq2); err != nil {
		return err
	}
	if err := d.putAll(setting{regFIFOAddr, 0}, setting{regPayloadLength, byte(len(frame))}); err != nil {
		return err
	}
	if err := d.put(regFIFO, frame...); err != nil {
		return err
	}
	if err := d.pins.Route(chip.PathTransmit); err != nil {
		return err
	}
	return d.enter(modeTx)
}

// prepare sets in standby what differs between the directions.
func (d *Driver) prepare(hz uint32, dio, iq, iq2 byte) error {
	if !d.configured() {
		return chip.ErrNotConfigured
	}
	if err := d.Standby(); err != nil {
		return err
	}
	if err := d.tune(hz); err != nil {
		return err
	}
	return d.putAll(setting{regInvertIQ, iq}, setting{regInvertIQ2, iq2}, setting{regDioMapping1, dio})
}
