package sim

import (
	"slices"

	"periph.io/x/conn/v3/physic"
)

// SX127xOpts says what module the chip sits on.
type SX127xOpts struct {
	Version byte // register 0x42; 0: 0x12
	// RFO: the chip's RFO pin leads to the antenna as well. Without it only PA_BOOST does, as on an RFM95W.
	RFO bool
	// ChipSelect: chip select is a line of its own (SX127x.Select), and the port's leads nowhere.
	ChipSelect bool
	// RefuseNoCS: the controller cannot leave its chip select alone.
	RefuseNoCS bool
	// Dead is what the host reads where no chip answers: 0x00 or 0xFF.
	Dead byte
	// Mutation makes the chip differ from a real one in one point.
	Mutation SX127xMutation
}

// SX127xMutation is one point in which a simulated chip differs from a real one: a suite of tests for drivers must
// notice each.
type SX127xMutation uint8

// The mutations.
const (
	NoMutation       SX127xMutation = iota
	FlagsClearOnRead                // reading IrqFlags clears them
	NoCRCError                      // a wrong checksum raises no flag
	AlwaysCRC                       // HopChannel claims a checksum for every packet
	RxAlwaysAtBase                  // RxCurrentAddr stays at the base, whatever lies where
	FrequencyStays                  // writing 0x08 takes no frequency into use
	StaysInTx                       // the chip does not fall to standby when it has sent
	TxDoneNever                     // nor does it tell
)

// SX127x is a simulated SX1276 on an SPI port (it is the spi.PortCloser itself), with its lines. Its methods are safe
// for concurrent use, but must not be called from Rig.Do.
type SX127x struct {
	*chipSeat
	chip *sx127x
	// Reset low resets; DIO0 and DIO1 are the chip's interrupts. Select is nil without SX127xOpts.ChipSelect.
	Reset, DIO0, DIO1, Select *Pin
}

// NewSX127x is a chip after reset, with this version in its register 0x42, alone: it sends and hears nothing.
func NewSX127x(version byte) *SX127x { return newSX127x(nil, 0, SX127xOpts{Version: version}) }

func newSX127x(ether Ether, station int, o SX127xOpts) *SX127x {
	if o.Version == 0 && ether != nil {
		o.Version = 0x12
	}
	core := newSX127xCore(ether, station, o)
	seat := newChipSeat("sim-sx127x", core, 10*physic.MegaHertz)
	seat.noNoCS, seat.dead = o.RefuseNoCS, o.Dead
	c := &SX127x{chipSeat: seat, chip: core}
	c.Reset = seat.input(lineReset, "RESET", 17)
	c.DIO0, c.DIO1 = seat.output(lineDIO0, "DIO0", 25), seat.output(lineDIO1, "DIO1", 24)
	seat.irq = c.DIO0
	if o.ChipSelect {
		c.Select = seat.selectPin("NSS", 8)
	}
	return c
}

// Register reads a register from inside, past any fault and without its effects.
func (c *SX127x) Register(address byte) (v byte) {
	c.look(func() { v = c.chip.regs[address&0x7F] })
	return v
}

// FIFO is a copy of the chip's memory.
func (c *SX127x) FIFO() (b [256]byte) {
	c.look(func() { b = c.chip.fifo })
	return b
}

// SentDBm is the power at the antenna socket in the last transmission.
func (c *SX127x) SentDBm() (dBm int) {
	c.look(func() { dBm = c.chip.sentDBm })
	return dBm
}

// Violations are the things that the host did against the datasheet, each once: a good driver leaves none.
func (c *SX127x) Violations() (v []string) {
	c.look(func() { v = slices.Clone(c.chip.violations) })
	return v
}

// Mutate changes the point in which the chip differs from a real one.
func (c *SX127x) Mutate(m SX127xMutation) { c.look(func() { c.chip.opts.Mutation = m }) }
