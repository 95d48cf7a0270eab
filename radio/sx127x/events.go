package sx127x

import (
	"time"

	"packhorse/radio"
	"packhorse/radio/chip"
)

// status is the registers from RegIrqFlags to RegHopChannel, read at once. The flags come first: what a flag tells of
// has been in the registers behind it when it rose.
type status [regHopChannel - regIrqFlags + 1]byte

func (s *status) reg(r byte) byte { return s[r-regIrqFlags] }

// Events reads and clears the flags, and fetches what has been received.
func (d *Driver) Events() (chip.Event, error) {
	op, err := d.get(regOpMode)
	if err != nil {
		return chip.Event{}, err
	}
	b, err := d.read(regIrqFlags, len(status{}))
	if err != nil {
		return chip.Event{}, err
	}
	s := status(b)
	flags := s.reg(regIrqFlags)
	if !d.plausible(op, flags) {
		return chip.Event{}, d.lost(op)
	}
	if d.missed.Received != nil && flags&irqRxDone != 0 { // the next one comes in an event of its own
		return d.withMissed(chip.Event{}), nil
	}
	if flags != 0 {
		if err := d.put(regIrqFlags, flags); err != nil {
			return chip.Event{}, err
		}
	}
	ev, err := d.tell(&s, flags)
	if err != nil {
		return ev, err
	}
	return d.withMissed(ev), nil
}

// withMissed adds what the last command found.
func (d *Driver) withMissed(ev chip.Event) chip.Event {
	m := d.missed
	d.missed = chip.Event{}
	if m.Received != nil {
		ev.Received = m.Received
	}
	ev.Damaged = ev.Damaged || m.Damaged
	ev.Foreign = ev.Foreign || m.Foreign
	return ev
}

// tell says what the flags mean in the mode that the chip was told. What ends by itself ends in standby.
func (d *Driver) tell(s *status, flags byte) (ev chip.Event, err error) {
	switch d.mode {
	case modeTx:
		ev.Sent = flags&irqTxDone != 0
	case modeCAD:
		ev.DetectOK = flags&irqCadDone != 0
		ev.Detected = ev.DetectOK && flags&irqCadDetected != 0
	case modeRxSingle:
		ev.TimedOut = flags&irqRxTimeout != 0
		err = d.received(&ev, s, flags)
	case modeRx:
		err = d.received(&ev, s, flags)
	}
	if ev.Sent || ev.DetectOK || d.mode == modeRxSingle && flags&(irqRxTimeout|irqRxDone) != 0 {
		d.mode = modeStandby
	}
	return ev, err
}

// received tells how far a reception has come. A packet that came without a checksum raises no error flag: its header
// tells.
func (d *Driver) received(ev *chip.Event, s *status, flags byte) error {
	if flags&irqRxDone == 0 {
		ev.Damaged = flags&irqCRCError != 0
		ev.Began = flags&irqValidHeader != 0
		ev.Signal = s.reg(regModemStat)&bitsSignal != 0
		return nil
	}
	bare := !d.wave.Implicit && d.wave.CRC && s.reg(regHopChannel)&bitHeaderCRC == 0
	n := d.length(s)
	if flags&irqCRCError != 0 || bare || n == 0 {
		ev.Foreign = flags&irqCRCError == 0 && n == 0
		ev.Damaged = !ev.Foreign
		return nil
	}
	data, err := d.fetch(n)
	if err != nil {
		return err
	}
	snr := int8(s.reg(regPktSnr))
	fei, err := d.read(regFeiMsb, 3)
	if err != nil {
		return err
	}
	d.last = Reception{
		RSSIdBm:          packetRSSI(d.lowPort(), s.reg(regPktRssi), snr),
		FrequencyErrorHz: frequencyError([3]byte(fei), d.wave.BandwidthHz),
	}
	ev.Received = &radio.Packet{Data: data, RSSIdBm: d.last.RSSIdBm, SNRdB: float64(snr) / 4, HasSignal: true}
	return nil
}

// rescue keeps a packet that ended after the last look at the flags, which the end of a reception clears.
func (d *Driver) rescue() error {
	b, err := d.read(regIrqFlags, len(status{}))
	if err != nil {
		return err
	}
	s := status(b)
	if flags := s.reg(regIrqFlags); flags&irqRxDone != 0 {
		err = d.received(&d.missed, &s, flags)
	}
	if d.missed.Received != nil {
		d.missed.Received.At = time.Now()
	}
	return err
}

func (d *Driver) length(s *status) int {
	if d.wave.Implicit {
		return int(d.wave.Length)
	}
	return int(s.reg(regRxNbBytes))
}

// fetch reads the last packet from where it begins in the FIFO. In continuous reception that is behind the packet before, so it
// may end at the FIFO's beginning: the chip's own pointer goes round after 256 octets.
func (d *Driver) fetch(n int) ([]byte, error) {
	at, err := d.get(regRxCurrent)
	if err != nil {
		return nil, err
	}
	if err := d.put(regFIFOAddr, at); err != nil {
		return nil, err
	}
	b, err := d.read(regFIFO, n)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), b...), nil
}

// Level is the power in the channel now (datasheet section 5.5.5).
func (d *Driver) Level() (float64, error) {
	raw, err := d.get(regRssi)
	return base(d.lowPort()) + float64(raw), err
}

// Reception is what the chip measured of a packet.
type Reception struct {
	RSSIdBm          float64 // of the packet, also below the noise
	FrequencyErrorHz float64 // its sender's carrier less ours
}

// Last is about the last good packet.
func (d *Driver) Last() Reception { return d.last }

func (d *Driver) lowPort() bool { return d.wave.FrequencyHz <= portSplitHz }
