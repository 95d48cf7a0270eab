package sim

import (
	"math/rand/v2"
	"time"

	"packhorse/radio/phy"
)

// SX126xModel is a chip of the family.
type SX126xModel uint8

// The chips: they differ in power amplifier, frequencies and, the LLCC68, in the modulations they can.
const (
	SX1262 SX126xModel = iota
	SX1261
	SX1268
	LLCC68
)

// SX126xOpts is a chip and the board around it. The zero value is an SX1262 with a crystal and an antenna that needs no
// switch.
type SX126xOpts struct {
	Model     SX126xModel
	TCXOVolts float64 // the supply, from DIO3, that the board's oscillator needs; 0: it has a crystal
	// DIO2Switch: DIO2 turns the antenna switch. TxEnable, RxEnable: pins of the host do.
	DIO2Switch, TxEnable, RxEnable bool
	Seed                           uint64 // of what is random in the chip
	// ChipSelect: chip select is a line of its own (SX126x.Select), and the port's leads nowhere. RefuseNoCS: the
	// controller cannot leave its own alone.
	ChipSelect, RefuseNoCS bool
	Dead                   byte // what the host reads where no chip answers: 0x00 or 0xFF
	Mutation               SX126xMutation
	// Trace is told each transaction, on the goroutine of the rig: what the host sent and what it got.
	Trace func(at time.Time, out, in []byte)
}

// SX126xMutation is one point in which a chip differs from a real one, to see that a suite notices.
type SX126xMutation uint8

// The mutations.
const (
	Genuine          SX126xMutation = iota // none
	LosesTxQuality                         // writes to 0x0889 are lost
	LosesClamp                             // writes to 0x08D8 are lost
	LosesIQPolarity                        // writes to 0x0736 are lost
	LosesTimerStop                         // writes to 0x0902 and 0x0944 are lost
	LosesImage                             // CalibrateImage does nothing
	LosesSwitch                            // SetDIO2AsRfSwitch does nothing
	HidesCRCError                          // the flag of a wrong checksum stays 0
	HidesMissingCRC                        // the received header always tells of a checksum
	HidesBufferStart                       // a received packet is always said to begin where the receiver's buffer does
	SwapsRSSI                              // the two strengths of a packet change places
)

// What a chip is doing. The values from 2 on are those of its status octet.
type sx6Mode uint8

const (
	sx6Off         sx6Mode = iota // without power, or held in reset
	sx6Sleep                      // or between the windows of SetRxDutyCycle
	sx6StandbyRC                  // on its RC oscillator
	sx6StandbyXOSC                // on the crystal or TCXO
	sx6FS                         // synthesiser locked
	sx6RX
	sx6TX
	sx6CAD // shows as RX
)

// What the status octet says of the last command. 1 is reserved, and what chips show when all is well.
type sx6Status uint8

const (
	sx6OK      sx6Status = 1
	sx6Data    sx6Status = 2 // a packet is there
	sx6Timeout sx6Status = 3
	sx6Wrong   sx6Status = 4 // no such command, or another number of parameters
	sx6Failed  sx6Status = 5 // it cannot be done
	sx6Sent    sx6Status = 6
)

// Interrupt flags.
const (
	sx6IrqTxDone      = 1 << 0
	sx6IrqRxDone      = 1 << 1
	sx6IrqPreamble    = 1 << 2
	sx6IrqHeader      = 1 << 4
	sx6IrqHeaderErr   = 1 << 5
	sx6IrqCRCErr      = 1 << 6
	sx6IrqCadDone     = 1 << 7
	sx6IrqCadDetected = 1 << 8
	sx6IrqTimeout     = 1 << 9
)

// Device errors.
const (
	sx6ErrXOSC = 1 << 5 // the oscillator did not start
	sx6ErrPLL  = 1 << 6 // the synthesiser did not lock
)

// sx126x is the chip: commands go in, levels of lines come out. It belongs to the goroutine that owns the ether. The
// owner calls timeout before anything else at each instant.
type sx126x struct {
	ether   Ether
	station int
	o       SX126xOpts
	rand    *rand.Rand

	bus    sx6Bus
	mode   sx6Mode
	target sx6Mode // what mode becomes when BUSY falls; sx6Off: nothing
	status sx6Status
	timers [sx6Timers]time.Time

	// The board.
	on                 bool      // it has power
	reset              time.Time // the line is low since
	txEnable, rxEnable bool      // pins
	// dazed: power was lost and the host cannot know it yet, so that it breaks no rules until it resets the chip.
	dazed bool

	// What a reset and a cold sleep lose.
	sent        map[byte][]byte // parameters of the last command of each kind that was carried out
	regs        [sx6RegisterSpace]byte
	seen0889    bool // written or read since the modulation was set
	irq, errors uint16
	stats       [3]uint16 // received, wrong checksum, wrong header
	buffer      [256]byte
	packet      sx6Packet
	calibrated  bool // all of it, on an oscillator that runs
	imageLow    int  // MHz, of the image calibration
	imageHigh   int
	warm        bool      // sleep keeps the configuration
	asleep      time.Time // since
	ghost       time.Time // a timer that was never stopped runs until then

	// What goes on.
	emitting  bool
	limit     uint32 // the timeout of SetTx, SetRx or SetCad, in ticks
	duty      sx6Duty
	rxNext    byte      // where the next packet goes
	deadline  time.Time // of this reception, as commanded
	during    time.Time // a packet without header comes in until then
	lastLevel float64   // dBm
	sentDBm   int

	violations []string
}

// sx6Packet is the last one received.
type sx6Packet struct {
	length, start      byte
	rssi, snr, despRSS byte
}

// sx6Duty are the windows of SetRxDutyCycle.
type sx6Duty struct {
	on          bool
	rx, sleep   time.Duration
	heardSignal bool
}

// sx6Timer tells the timers apart; at the same instant they fire in this order.
type sx6Timer int

const (
	sx6Settle     sx6Timer = iota // BUSY falls
	sx6LastSymbol                 // a packet has left
	sx6CadEnd
	sx6Deadline // of SetTx and SetRx
	sx6NoSymbol // of SetLoRaSymbNumTimeout
	sx6Ghost    // a timer that should have been stopped
	sx6Window   // of SetRxDutyCycle
	sx6Timers
)

var _ chipCore = (*sx126x)(nil)

// newSX126x is a chip without power.
func newSX126x(ether Ether, station int, o SX126xOpts) *sx126x {
	return &sx126x{ether: ether, station: station, o: o, rand: rand.New(rand.NewPCG(o.Seed, uint64(station)+0x126)), sent: map[byte][]byte{}}
}

// busy is the level of BUSY: high while a command is carried out, and in sleep and reset.
func (c *sx126x) busy(now time.Time) bool {
	return c.mode == sx6Off || c.mode == sx6Sleep || now.Before(c.timers[sx6Settle])
}

// dio is the level of DIO1, DIO2 or DIO3: an interrupt line, unless it has the antenna switch or the TCXO to serve.
func (c *sx126x) dio(n int) bool {
	switch {
	case c.mode == sx6Off || c.mode == sx6Sleep:
		return false
	case n == 2 && c.dio2Switches():
		return c.mode == sx6TX
	case n == 3 && c.sent[opSetDIO3AsTCXO] != nil:
		return c.mode > sx6StandbyRC
	}
	p := c.sent[opSetDioIrqParams]
	return p != nil && c.irq&(uint16(p[2*n])<<8|uint16(p[2*n+1])) != 0
}

// raise sets the flags that SetDioIrqParams lets through.
func (c *sx126x) raise(flags uint16) {
	if p := c.sent[opSetDioIrqParams]; p != nil {
		c.irq |= flags & (uint16(p[0])<<8 | uint16(p[1]))
	}
}

// wakeAt is when timeout is to be called; zero: nothing is due.
func (c *sx126x) wakeAt() time.Time {
	k, ok := c.earliest()
	if !ok {
		return time.Time{}
	}
	return c.timers[k]
}

func (c *sx126x) earliest() (first sx6Timer, ok bool) {
	for k, at := range c.timers {
		if !at.IsZero() && (!ok || at.Before(c.timers[first])) {
			first, ok = sx6Timer(k), true
		}
	}
	return first, ok
}

// timeout does what is due.
func (c *sx126x) timeout(now time.Time) {
	for {
		k, ok := c.earliest()
		if !ok || c.timers[k].After(now) {
			return
		}
		c.timers[k] = time.Time{}
		c.fire(k, now)
	}
}

func (c *sx126x) fire(k sx6Timer, now time.Time) {
	switch k {
	case sx6Settle:
		c.settled(now)
	case sx6LastSymbol:
		c.packetLeft(now)
	case sx6CadEnd:
		c.cadEnded(now)
	case sx6Deadline:
		c.deadlinePassed(now)
	case sx6NoSymbol, sx6Ghost:
		c.timedOut(now)
	case sx6Window:
		c.windowEnded(now)
	}
}

// resetPin is the level of the reset line: low resets.
func (c *sx126x) resetPin(now time.Time, high bool) {
	switch {
	case !high && c.reset.IsZero():
		c.reset, c.dazed = now, false
		c.cutOff(now)
	case high && !c.reset.IsZero():
		if low := now.Sub(c.reset); low < sx6ResetLow {
			c.violate("reset was low for %v: it takes %v", low, sx6ResetLow)
		}
		if c.reset = (time.Time{}); c.on {
			c.boot(now)
		}
	}
}

// power is the supply: on also after a gap too short to notice.
func (c *sx126x) power(now time.Time, on bool) {
	c.cutOff(now)
	c.dazed = c.dazed || c.on
	c.on = on
	if on && c.reset.IsZero() {
		c.boot(now)
	}
}

// switched is a new level of one of the host's pins at the antenna switch.
func (c *sx126x) switched() {
	if c.mode == sx6RX || c.mode == sx6CAD {
		c.ether.Fade(c.station, c.deafness())
	}
}

// wave is what the settings say of packets.
func (c *sx126x) wave() phy.Wave {
	m, p := c.sent[opSetModulationParams], c.sent[opSetPacketParams]
	w := phy.Wave{Modulation: c.modulation(), SyncWord: c.regs[regSyncWord]&0xF0 | c.regs[regSyncWord+1]>>4, Implicit: p[2] == 1, CRC: p[4] == 1, Inverted: p[5] == 1}
	least := uint16(6)
	if m[0] < 7 {
		least = 12
	}
	w.PreambleSymbols = max(uint16(p[0])<<8|uint16(p[1]), least)
	if w.Implicit {
		w.Length = p[3]
	}
	return w
}

// modulation is what SetRfFrequency and SetModulationParams say.
func (c *sx126x) modulation() phy.Modulation {
	m := c.sent[opSetModulationParams]
	return phy.Modulation{FrequencyHz: c.frequency(), SpreadingFactor: m[0], BandwidthHz: sx6Bandwidths[m[1]], CodingRate: m[2] + 4, PreambleSymbols: 12}
}

// frequency in Hz: the chip counts steps of 32 MHz / 2^25.
func (c *sx126x) frequency() uint32 {
	p := c.sent[opSetRfFrequency]
	steps := uint64(p[0])<<24 | uint64(p[1])<<16 | uint64(p[2])<<8 | uint64(p[3])
	return uint32((steps*32_000_000 + 1<<24) >> 25)
}

var sx6Bandwidths = map[byte]uint32{
	0x00: 7812, 0x08: 10416, 0x01: 15625, 0x09: 20833, 0x02: 31250, 0x0A: 41666, 0x03: 62500, 0x04: 125_000, 0x05: 250_000, 0x06: 500_000,
}
