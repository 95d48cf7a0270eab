// Package chip makes a radio.Radio of a radio chip on SPI: the bus with a chip select by hand, interrupts,
// deadlines, and what to do when a chip no longer answers. The chips' own commands are in the packages of their
// families, as state machines that this package drives.
package chip

import (
	"context"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// Driver is a family of chips as commands. It has no goroutine; its methods are called one at a time. Besides the
// bus it only waits where a datasheet says so, in milliseconds. Every method may fail with the bus; ErrStuck,
// ErrNoChip and ErrWrongMode are the failures that Reset may mend.
type Driver interface {
	Capabilities() radio.Capabilities
	// Reset brings the chip from any state to standby, by its reset line if it has one, and verifies that it is the
	// chip that was expected. All settings are lost; Configure must follow. It is called again, each second for a while,
	// when a chip does not answer.
	Reset(ctx context.Context) error
	// Configure sets modulation and power in standby, and says what this chip cannot do before it changes anything.
	Configure(m phy.Modulation, powerDBm int) error
	// Receive starts continuous reception, from any mode.
	Receive() error
	// Transmit starts to send a frame of 1 to 255 octets, from any mode. It is only called after Events.
	Transmit(frame []byte) error
	// Detect starts channel activity detection, from any mode, which ends with Event.DetectOK in standby.
	Detect() error
	// Standby ends whatever the chip does, and clears its flags. A packet that has come in since Events, here or at the
	// beginning of another method, is kept for the next Events.
	Standby() error
	// Level is the power in the channel now, in dBm; only while receiving, and not sooner than 1 ms after Receive.
	Level() (float64, error)
	// Events reads the interrupt flags, fetches what has been received and clears the flags that it read. It is right to
	// call it at any time: without flags the Event is zero. It is called at each edge of the interrupt line, and each
	// second without: so it also verifies that the chip is in the mode that it was told, and fails with ErrNoChip or
	// ErrWrongMode when it was unplugged, or has reset itself.
	Events() (Event, error)
	// Close puts the chip to sleep and releases the bus and its pins. It is called once.
	Close() error
}

// Event is what the interrupt flags of a chip tell.
type Event struct {
	Sent     bool // the frame has left
	DetectOK bool // channel activity detection has ended,
	Detected bool // and has found something
	// Received is a good frame: without a time, unless it had ended before the last command and was only found by it.
	// Damaged is one that had a wrong checksum or header, or none though one was wanted; Foreign a packet without an octet
	// in it, which nobody of ours sends.
	Received         *radio.Packet
	Damaged, Foreign bool
	// Began tells that a packet is coming in: its header has been read. It need not be told again. Signal tells that
	// something is being received at this moment, as far as the chip knows.
	Began, Signal bool
	// TimedOut tells that a reception with a time limit, which some drivers offer beside Receive, ended without a packet.
	TimedOut bool
}

// Stats counts what a Radio met. All of it is since Open.
type Stats struct {
	Sent, Received, Damaged, Foreign uint64
	// Lost are good frames that nobody took in time.
	Lost uint64
	// LateIRQ are events found by the check each second: their edge was lost. Resets are those after Open.
	LateIRQ, Resets uint64
	// Noisy is how often the interrupt line gave a hundred edges in a row for nothing.
	Noisy uint64
}
