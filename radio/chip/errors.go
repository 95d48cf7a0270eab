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

// FaultError is a fault of the hardware and where to look for it.
type FaultError struct {
	What string // "sx1262: BUSY (GPIO20) stays high after reset"
	Fix  string // "check the wire of BUSY, ..."
	Err  error  // one of the errors above
}

func (e *FaultError) Error() string { return fmt.Sprintf("%s: %s", e.What, e.Fix) }

func (e *FaultError) Unwrap() error { return e.Err }
