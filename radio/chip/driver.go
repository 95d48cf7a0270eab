// Package chip makes a radio.Radio of a radio chip on SPI: the bus with a chip select by hand, interrupts,
// deadlines, and what to do when a chip no longer answers. The chips' own commands are in the packages of their
// families, as state machines that this package drives.
package chip

import (
	"context"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// Driver is a family of chips as commands. It has no goroutine; its methods are called one at a time. Besides the
// bus it only waits where a datasheet says so, in milliseconds. Every method may fail with the bus; ErrStuck,
// ErrNoChip and ErrWrongMode are the failures that Reset may mend.
type Driver interface {
	Capabilities() radio.Capabilities
	// Reset brings the chip from any state to standby, by its reset line if it has one, and verifies that it is the
	// chip that was expected. All settings are lost; Configure must follow.
	Reset(ctx context.Context) error
	// Configure sets modulation and power in standby, and says what this chip cannot do before it changes anything.
	Configure(m phy.Modulation, powerDBm int) error
	// Receive starts continuous reception.
	Receive() error
	// Transmit starts to send a frame of 1 to 255 octets.
	Transmit(frame []byte) error
	// Detect starts channel activity detection, which ends with Event.Detected or without.
	Detect() error
	// Standby ends whatever the chip does, and clears its flags.
	Standby() error
	// Level is the power in the channel now, in dBm; only while receiving.
	Level() (float64, error)
	// Events reads the interrupt flags, fetches what has been received and clears the flags that it read. It is right to
	// call it at any time: without flags the Event is zero.
	Events() (Event, error)
	// Close puts the chip to sleep and releases the bus and its pins.
	Close() error
}

// Event is what the interrupt flags of a chip tell.
type Event struct {
	Sent     bool // the frame has left
	DetectOK bool // channel activity detection has ended,
	Detected bool // and has found something
	// Received is a good frame; Damaged one that had a wrong checksum or header, or none though one was wanted.
	Received *radio.Packet
	Damaged  bool
	// Began tells that a packet is coming in: its header has been read.
	Began bool
	// TimedOut tells that a reception with a time limit, which some drivers offer beside Receive, ended without a packet.
	TimedOut bool
}

// Stats counts what a Radio met. All of it is since Open.
type Stats struct {
	Sent, Received, Damaged uint64
	// LateIRQ are events found by the check each second: their edge was lost. Resets are those after Open.
	LateIRQ, Resets uint64
}

// checkEvery is how often the flags are read when no interrupt comes: a lost edge costs so much and no more.
const checkEvery = time.Second
