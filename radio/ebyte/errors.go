package ebyte

import (
	"errors"
	"fmt"
)

// ErrNoModule: nothing answers in configuration mode.
var ErrNoModule = errors.New("ebyte: no module answers in its configuration mode: check its power, that RX and TX are crossed, that M0 and M1 are wired to the pins that the configuration names (on a HAT with jumpers, take them off), and that nothing else uses the port")

// ErrGone: the port broke, most often because the adapter was unplugged.
var ErrGone = errors.New("ebyte: the serial port is gone: was it unplugged?")

// ErrStuck: AUX tells that the module is busy, for longer than it can be.
var ErrStuck = errors.New("ebyte: AUX stays low: check that it is wired to the pin that the configuration names, and the module's power: a T30 needs more than a Raspberry Pi's 3.3 V pin gives")

// ErrStrapped: the mode pins are not ours, so the module cannot be asked.
var ErrStrapped = errors.New("ebyte: M0 and M1 are not wired to us, so the module's ambient signal cannot be known to be switched on: wire them, or switch LBT on in the module and in the configuration")

// ErrRefused: the module answered FF FF FF.
var ErrRefused = errors.New("ebyte: the module says that a command is wrong (FF FF FF): its serial port runs at another rate than 9600 baud in configuration mode, or it is of another series than the configuration says")

// RegisterError: a register is not what was written.
type RegisterError struct {
	Address   byte
	Want, Got byte
}

func (e *RegisterError) Error() string {
	return fmt.Sprintf("ebyte: register %02X is %02X after %02X was written: the module cannot do this setting, or it is of another series", e.Address, e.Got, e.Want)
}

// AnswerError: the module answered something else than was asked.
type AnswerError struct{ Asked, Got []byte }

func (e *AnswerError) Error() string {
	return fmt.Sprintf("ebyte: the module answered % X to % X: it is of another series, or the line is disturbed", e.Got, e.Asked)
}

// SizeError: a frame is empty or too long.
type SizeError struct{ Octets, Most int }

func (e *SizeError) Error() string {
	return fmt.Sprintf("ebyte: a frame of %d octets; this module takes 1 to %d", e.Octets, e.Most)
}

// SenseError: the module did not tell the ambient signal. It works on.
type SenseError struct{}

func (*SenseError) Error() string {
	return "ebyte: the module does not tell its ambient signal"
}

// Temporary tells that the module may answer the next time: it does not while it sends or puts out what it received.
func (*SenseError) Temporary() bool { return true }
