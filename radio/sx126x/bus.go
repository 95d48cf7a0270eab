package sx126x

import (
	"errors"
	"slices"
	"time"

	"periph.io/x/conn/v3/gpio"
)

const (
	busyLimit = time.Second // the longest command takes a few ms
	firstPoll = 20 * time.Microsecond
	lastPoll  = time.Millisecond
)

// awaitReady waits until BUSY is low.
func (d *Driver) awaitReady() error {
	if !d.readyWithin(busyLimit) {
		return d.busyFault()
	}
	return nil
}

func (d *Driver) readyWithin(limit time.Duration) bool {
	start, pause := time.Now(), firstPoll
	for d.pins.Busy.Read() == gpio.High {
		if time.Since(start) >= limit {
			return false
		}
		time.Sleep(pause)
		pause = min(2*pause, lastPoll)
	}
	return true
}

// exchange is one transaction with the chip awake and ready. It returns what came back, octet by octet of w, and finds
// out whether the command before failed, and whether a chip answers at all.
func (d *Driver) exchange(w []byte) ([]byte, error) {
	if d.asleep {
		if err := d.wake(); err != nil {
			return nil, err
		}
	}
	if err := d.awaitReady(); err != nil {
		return nil, err
	}
	r := make([]byte, len(w))
	if err := d.bus.Tx(w, r); err != nil {
		return nil, err
	}
	before := d.before
	d.before = w[0]
	if len(r) == 1 {
		return r, nil
	}
	return r, d.judge(before, status(r[1]))
}

// judge looks at the status octet that came after a command.
func (d *Driver) judge(before byte, s status) error {
	if m := s.mode(); m < modeStandbyRC || m > modeTx {
		d.before = 0
		return d.noAnswerFault(byte(s))
	}
	if why := s.failure(); why != "" && before != 0 && !(asks(before) && s.late()) {
		d.before = 0
		return d.refusedFault(before, why)
	}
	return nil
}

// asks tells the commands that only read. A time-out after one of them is not its own, but that of a reception.
func asks(op byte) bool {
	return op >= opPacketType && op <= opReadBuffer || op == opStatus
}

// wake ends sleep: selecting the chip does it, whatever is sent is lost, and BUSY falls when it is awake (SX1261/2
// datasheet section 9.3).
func (d *Driver) wake() error {
	if err := d.bus.Tx([]byte{opStatus, nop}, make([]byte, 2)); err != nil {
		return err
	}
	d.asleep, d.before = false, 0
	return d.awaitReady()
}

func (d *Driver) command(op byte, params ...byte) error {
	_, err := d.exchange(append([]byte{op}, params...))
	return err
}

// query is a command with n octets of answer behind the status octet.
func (d *Driver) query(op byte, n int) ([]byte, error) {
	r, err := d.exchange(append([]byte{op}, make([]byte, n+1)...))
	if err != nil {
		return nil, err
	}
	return r[2:], nil
}

func (d *Driver) readRegister(address uint16, n int) ([]byte, error) {
	const header = 4 // opcode, address, and an octet of status before the data
	w := append(append([]byte{opReadRegister}, u16(address)...), make([]byte, n+1)...)
	r, err := d.exchange(w)
	if err != nil {
		return nil, err
	}
	return r[header:], nil
}

func (d *Driver) writeRegister(address uint16, values ...byte) error {
	return d.command(opWriteRegister, append(u16(address), values...)...)
}

// change clears and sets bits of a register, whose others are not ours.
func (d *Driver) change(address uint16, clear, set byte) error {
	r, err := d.readRegister(address, 1)
	if err != nil {
		return err
	}
	return d.writeRegister(address, r[0]&^clear|set)
}

// readBuffer reads a payload, which may run over the end of the chip's 256 octets to their beginning: the address wraps
// (SX1261/2 datasheet section 13.2.4).
func (d *Driver) readBuffer(offset byte, n int) ([]byte, error) {
	const header = 3
	w := append([]byte{opReadBuffer, offset, nop}, make([]byte, n)...)
	r, err := d.exchange(w)
	if err != nil {
		return nil, err
	}
	return slices.Clone(r[header:]), nil
}

func (d *Driver) status() (status, error) {
	r, err := d.exchange([]byte{opStatus, nop})
	if err != nil {
		return 0, err
	}
	return status(r[1]), nil
}

// flags are the interrupt flags, with the status octet of the same moment.
func (d *Driver) flags() (uint16, status, error) {
	r, err := d.exchange([]byte{opIRQ, nop, nop, nop})
	if err != nil {
		return 0, 0, err
	}
	return uint16(r[2])<<8 | uint16(r[3]), status(r[1]), nil
}

func (d *Driver) clearFlags(flags uint16) error {
	return d.command(opClearIRQ, u16(flags)...)
}

func (d *Driver) deviceErrors() (uint16, error) {
	r, err := d.query(opErrors, 2)
	if err != nil {
		return 0, err
	}
	return uint16(r[0])<<8 | uint16(r[1]), nil
}

// steps does one thing after the other, until one fails.
func steps(all ...func() error) error {
	for _, do := range all {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// bestEffort does all, whatever fails.
func bestEffort(all ...func() error) error {
	var err error
	for _, do := range all {
		err = errors.Join(err, do())
	}
	return err
}
