package sx126x

import (
	"time"

	"packhorse/radio"
	"packhorse/radio/chip"
)

// Reception is what the chip measured of a packet.
type Reception struct {
	// SignalRSSIdBm is the power of the packet's own signal, also below the noise; PacketRSSIdBm the power in the channel
	// meanwhile, which noise and strangers add to. radio.Packet has the former, as the SX127x's and RadioLib's is.
	SignalRSSIdBm, PacketRSSIdBm float64
	// FrequencyErrorHz is how far the sender's carrier was from ours.
	FrequencyErrorHz float64
}

// Last is about the last packet that Events returned.
func (d *Driver) Last() Reception { return d.last }

// rounds bounds how often Events looks again; a packet takes milliseconds, so that one round or two are enough.
const rounds = 4

const headerCRC = 1 << 4 // in the first octet of regHeader

// Events reads and clears the interrupt flags until none is left, so that DIO1 is low and can rise again, and fetches
// what has been received. Without flags it finds out whether the chip still does what it was told. Signal tells of
// something like a preamble whose header has neither come nor failed to come in its time: the chip has no word for what
// is on the air at this moment.
func (d *Driver) Events() (chip.Event, error) {
	if d.asleep {
		return chip.Event{}, nil
	}
	e, err := d.events(d.missed)
	if err == nil {
		d.missed = chip.Event{}
	}
	e.Signal = time.Now().Before(d.preamble)
	return e, err
}

// events adds to e what the flags tell.
func (d *Driver) events(e chip.Event) (chip.Event, error) {
	for range rounds {
		flags, s, err := d.flags()
		switch {
		case err != nil:
			return e, err
		case flags == 0 && !d.doing(s.mode()):
			if err := d.lapsed(s.mode()); err != nil {
				return e, err
			}
			continue
		case flags == 0 || flags&irqRxDone != 0 && e.Received != nil:
			return e, nil
		}
		if err := d.take(&e, flags); err != nil {
			return e, err
		}
	}
	return e, nil
}

// lapsed is about a chip that does something else without having said so. Where it only ended in this very moment, the
// flags are there now.
func (d *Driver) lapsed(m mode) error {
	flags, _, err := d.flags()
	if err != nil || flags != 0 {
		return err
	}
	return d.modeFault(m, [...]string{"be in standby", "transmit", "receive", "receive", "detect activity"}[d.task])
}

// take clears flags and does what they ask for.
func (d *Driver) take(e *chip.Event, flags uint16) error {
	if err := d.clearFlags(flags); err != nil {
		return err
	}
	if flags&irqTxDone != 0 && d.task == sending {
		e.Sent = true
		return d.rest()
	}
	if flags&irqCADDone != 0 && d.task == detecting {
		e.DetectOK, e.Detected = true, flags&irqCADDetected != 0
		return d.rest()
	}
	if err := d.heard(e, flags); err != nil {
		return err
	}
	return d.ended(e, flags)
}

// rest: the chip has gone to standby by itself.
func (d *Driver) rest() error {
	d.task = idle
	return d.pins.Route(chip.PathOff)
}

// heard is about the flags of receptions. A false header may have left HeaderErr behind before a packet with a good
// one; noise sets it too.
func (d *Driver) heard(e *chip.Event, flags uint16) error {
	d.header = d.header || flags&irqHeaderValid != 0
	damaged := flags&irqCRCErr != 0 || flags&irqHeaderErr != 0 && !d.header
	if flags&irqPreamble != 0 {
		d.preamble = time.Now().Add(d.wave.HeaderTime())
	}
	if flags&(irqHeaderValid|irqHeaderErr|irqRxDone) != 0 {
		d.preamble = time.Time{}
	}
	if flags&irqRxDone == 0 {
		e.Began = e.Began || flags&irqHeaderValid != 0
		e.Damaged = e.Damaged || damaged
		return nil
	}
	d.header, e.Began = false, false
	if damaged {
		e.Damaged = true
		return nil
	}
	return d.fetch(e)
}

// rescue keeps a packet that ended after the last look at the flags, which the end of a reception clears.
func (d *Driver) rescue() error {
	if d.task != listening {
		return nil
	}
	flags, _, err := d.flags()
	if err != nil || flags&irqRxDone == 0 {
		return err
	}
	err = d.heard(&d.missed, flags)
	if d.missed.Received != nil {
		d.missed.Received.At = time.Now()
	}
	return err
}

// ended is about time limits, and about receptions that end with one packet.
func (d *Driver) ended(e *chip.Event, flags uint16) error {
	timeout := flags&irqTimeout != 0
	switch {
	case d.task == sending && timeout:
		return d.transmitFault()
	case d.task == listeningOnce && (timeout || flags&irqRxDone != 0):
		e.TimedOut = timeout && flags&irqRxDone == 0
		return d.Standby()
	}
	return nil
}

// fetch reads the packet that has come. It is damaged where it bears no checksum though one is wanted.
func (d *Driver) fetch(e *chip.Event) error {
	where, err := d.query(opRxBuffer, 2)
	if err != nil {
		return err
	}
	n := int(d.payloadLength(where[0]))
	if n == 0 {
		e.Foreign = true
		return nil
	}
	data, err := d.readBuffer(where[1], n)
	if err != nil {
		return err
	}
	signal, err := d.query(opPacketStatus, 3)
	if err != nil {
		return err
	}
	header, err := d.readRegister(regHeader, 3)
	if err != nil {
		return err
	}
	if d.wave.CRC && !d.wave.Implicit && header[0]&headerCRC == 0 {
		e.Damaged = true
		return nil
	}
	d.last = Reception{
		PacketRSSIdBm:    -float64(signal[0]) / 2,
		SignalRSSIdBm:    -float64(signal[2]) / 2,
		FrequencyErrorHz: frequencyError(header, d.wave.BandwidthHz),
	}
	e.Received = &radio.Packet{Data: data, RSSIdBm: d.last.SignalRSSIdBm, SNRdB: float64(int8(signal[1])) / 4, HasSignal: true}
	return nil
}

// payloadLength is what the header told; without one the length agreed on, which GetRxBufferStatus does not give
// (LoRaMac-node and RadioLib do not take it from there either).
func (d *Driver) payloadLength(told byte) byte {
	if d.wave.Implicit {
		return d.wave.Length
	}
	return told
}

// frequencyError is 20 bits with a sign, in units of 1.55 Hz times the bandwidth in 1.6 MHz: not in the datasheet, as
// RadioLib has it.
func frequencyError(header []byte, bandwidthHz uint32) float64 {
	raw := int32(uint32(header[0])<<28|uint32(header[1])<<20|uint32(header[2])<<12) >> 12
	return 1.55 * float64(raw) * float64(bandwidthHz) / 1_600_000
}
