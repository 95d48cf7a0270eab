package sim

import (
	"slices"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// SX126x is a simulated SX1261, SX1262, SX1268 or LLCC68 on an SPI port (it is the spi.PortCloser itself), with its
// lines. Its methods are safe for concurrent use, but must not be called from Rig.Do.
type SX126x struct {
	*chipSeat
	chip *sx126x
	// Reset low resets. Busy and the interrupt lines are the chip's. Select is nil without SX126xOpts.ChipSelect, and
	// TxEnable and RxEnable without those of SX126xOpts.
	Reset, Busy, DIO1, DIO2, DIO3, Select, TxEnable, RxEnable *Pin
}

func newSX126xOnBoard(ether Ether, station int, o SX126xOpts) *SX126x {
	core := newSX126x(ether, station, o)
	seat := newChipSeat("sim-sx126x", core, 16*physic.MegaHertz)
	seat.noNoCS, seat.dead = o.RefuseNoCS, o.Dead
	c := &SX126x{chipSeat: seat, chip: core}
	c.Busy = seat.output(lineBusy, "GPIO20", 20)
	c.DIO1, c.DIO2, c.DIO3 = seat.output(lineDIO1, "GPIO16", 16), seat.output(lineDIO2, "DIO2", 2), seat.output(lineDIO3, "DIO3", 3)
	c.Reset = seat.input(lineReset, "GPIO18", 18)
	seat.irq = c.DIO1
	if o.ChipSelect {
		c.Select = seat.selectPin("GPIO21", 21)
	}
	if o.TxEnable {
		c.TxEnable = seat.input(lineTxEnable, "GPIO13", 13)
	}
	if o.RxEnable {
		c.RxEnable = seat.input(lineRxEnable, "GPIO12", 12)
	}
	now := time.Now()
	core.power(now, true)
	seat.refresh(now)
	return c
}

// input is the level of a line that the host drives.
func (c *sx126x) input(now time.Time, l line, high bool) {
	switch l {
	case lineReset:
		c.resetPin(now, high)
	case lineTxEnable:
		c.txEnable = high
		c.switched()
	case lineRxEnable:
		c.rxEnable = high
		c.switched()
	}
}

// level is that of a line that the chip drives.
func (c *sx126x) level(now time.Time, l line) bool {
	switch l {
	case lineBusy:
		return c.busy(now)
	case lineDIO1:
		return c.dio(1)
	case lineDIO2:
		return c.dio(2)
	case lineDIO3:
		return c.dio(3)
	}
	return false
}

// Violations are the things that the host did against the datasheet, each once: a good driver leaves none.
func (c *SX126x) Violations() (v []string) {
	c.look(func() { v = slices.Clone(c.chip.violations) })
	return v
}

// Register reads a register from inside, past any fault and without its effects.
func (c *SX126x) Register(address uint16) (v byte) {
	c.look(func() { v = c.chip.regs[address%sx6RegisterSpace] })
	return v
}

// Sent are the parameters of the last command of a kind that was carried out since the last reset; nil: none was.
func (c *SX126x) Sent(opcode byte) (parameters []byte) {
	c.look(func() { parameters = slices.Clone(c.chip.sent[opcode]) })
	return parameters
}

// Buffer is a copy of the chip's memory for payloads.
func (c *SX126x) Buffer() (b [256]byte) {
	c.look(func() { b = c.chip.buffer })
	return b
}

// SentDBm is the power at the antenna socket in the last transmission.
func (c *SX126x) SentDBm() (dBm int) {
	c.look(func() { dBm = c.chip.sentDBm })
	return dBm
}

// Mutate changes the point in which the chip differs from a real one.
func (c *SX126x) Mutate(m SX126xMutation) { c.look(func() { c.chip.o.Mutation = m }) }

// StickBusy holds BUSY high, or lets it go.
func (c *SX126x) StickBusy(stuck bool) {
	high := gpio.High
	if stuck {
		c.stick(lineBusy, &high)
		return
	}
	c.stick(lineBusy, nil)
}
