package chip

import (
	"errors"
	"fmt"
)

// ErrNoChip: nothing that this driver knows answers on the bus.
var ErrNoChip = errors.New("no such chip answers on the bus")

// ErrStuck: the chip does not end what it was told to do.
var ErrStuck = errors.New("the chip no longer answers")

// ErrWrongMode: the chip is in another mode than it was told.
var ErrWrongMode = errors.New("the chip is in another mode than it was told")

// ErrNoInterrupt: the board has no interrupt line to the chip that works.
var ErrNoInterrupt = errors.New("no interrupts from the chip")

// ErrNotConfigured: Transmit or Sense before Configure.
var ErrNotConfigured = errors.New("chip: the radio is not configured yet")

// InterruptedError is a fault in the middle of what the chip was asked; it has been brought back and the radio works
// on. A frame that was being sent may be lost.
type InterruptedError struct {
	What string // "sending"
	Err  error
}

func (e *InterruptedError) Error() string {
	return fmt.Sprintf("chip: interrupted while %s, and started again: %v", e.What, e.Err)
}

func (e *InterruptedError) Unwrap() error { return e.Err }

// Temporary tells that the radio works on.
func (e *InterruptedError) Temporary() bool { return true }

// FaultError is a fault of the hardware and where to look for it.
type FaultError struct {
	What string // "sx1262: BUSY (GPIO20) stays high after reset"
	Fix  string // "check the wire of BUSY, ..."
	Err  error  // one of the errors above
}

func (e *FaultError) Error() string { return fmt.Sprintf("%s: %s", e.What, e.Fix) }

func (e *FaultError) Unwrap() error { return e.Err }

// Remedy is Fix; it is the end of Error.
func (e *FaultError) Remedy() string { return e.Fix }
