package sim

import "time"

// sx6Longest is how much of one transaction the chip remembers.
const sx6Longest = 4096

// sx6Bus is one transaction: what came in since NSS fell.
type sx6Bus struct {
	open   bool
	lost   bool // the chip does not listen: no power, or this is what wakes it
	busy   bool // BUSY was high when it began
	in     []byte
	out    []byte // for Trace
	answer []byte // to a command that asks
}

// selected is the falling edge of NSS. It wakes a chip that sleeps; that transaction is lost.
func (c *sx126x) selected(now time.Time) {
	c.bus = sx6Bus{open: true, in: c.bus.in[:0], out: c.bus.out[:0]}
	switch {
	case c.mode == sx6Off:
		c.bus.lost = true
	case c.mode == sx6Sleep:
		c.bus.lost = true
		c.wake(now)
	case c.busy(now):
		c.bus.busy = true
	}
}

// octet exchanges eight bits.
func (c *sx126x) octet(now time.Time, out byte) (in byte) {
	t := &c.bus
	if !t.open {
		return 0
	}
	i := len(t.in)
	if i < sx6Longest {
		t.in = append(t.in, out)
	}
	in = c.reply(now, i)
	if c.o.Trace != nil && i < sx6Longest {
		t.out = append(t.out, in)
	}
	return in
}

// reply is what comes out at place i of a transaction: the status, until a command that asks has its answer.
func (c *sx126x) reply(now time.Time, i int) byte {
	t := &c.bus
	switch op := t.in[0]; {
	case t.lost:
		return 0
	case t.busy:
	case op == opReadRegister && i >= 4:
		return c.readRegister(uint16(t.in[1])<<8 | uint16(t.in[2]) + uint16(i-4))
	case op == opReadBuffer && i >= 3:
		return c.buffer[t.in[1]+byte(i-3)]
	case i == 1 && sx6Answers[op] != nil:
		t.answer = sx6Answers[op](c, now)
	case i >= 2 && i-2 < len(t.answer):
		return t.answer[i-2]
	}
	return c.statusOctet()
}

// statusOctet has bit 7 set, which is reserved: so do chips.
func (c *sx126x) statusOctet() byte {
	mode := c.mode
	if mode == sx6CAD {
		mode = sx6RX
	}
	return 0x80 | byte(mode)<<4 | byte(c.status)<<1
}

// deselected is the rising edge of NSS: the command is carried out.
func (c *sx126x) deselected(now time.Time) {
	t := &c.bus
	if !t.open {
		return
	}
	t.open = false
	if c.o.Trace != nil {
		c.o.Trace(now, t.in, t.out)
	}
	if len(t.in) == 0 || t.lost {
		return
	}
	op, p := t.in[0], t.in[1:]
	cmd, known := sx6Commands[op]
	switch {
	case op == opResetStats && len(p) < 6: // no operation
		return
	case t.busy:
		c.violate("%s while BUSY is high: it is lost", commandName(op))
		return
	case !known:
		c.violate("%s", commandName(op))
		c.status = sx6Wrong
	case cmd.asks:
	case len(p) < cmd.least || len(p) > cmd.most:
		c.violate("%s with %d octets of parameters", cmd.name, len(p))
		c.status = sx6Wrong
	default:
		c.carryOut(now, op, cmd, p)
	}
	if !c.busy(now) {
		c.timers[sx6Settle] = now.Add(sx6Plain)
	}
}

func (c *sx126x) carryOut(now time.Time, op byte, cmd sx6Command, p []byte) {
	if cmd.in&(1<<c.mode) == 0 {
		c.violate("%s in mode %s", cmd.name, sx6ModeNames[c.mode])
	}
	before := c.sent[op]
	c.sent[op] = append([]byte(nil), p...)
	if c.status = cmd.do(c, now, c.sent[op]); c.status == sx6OK || op == opSetSleep {
		return
	}
	if c.sent[op] = before; before == nil {
		delete(c.sent, op)
	}
}

var sx6ModeNames = [...]string{"off", "sleep", "STDBY_RC", "STDBY_XOSC", "FS", "RX", "TX", "CAD"}
