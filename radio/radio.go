// Package radio is what every radio of a gateway looks like to the link above
// it, and the duty-cycle ledger that no radio may evade. Drivers live in the
// packages below and take ports, pins or an io.ReadWriteCloser.
package radio

import (
	"context"
	"time"

	"packhorse/radio/phy"
)

// Capabilities says what a radio can and cannot do. They are honest: a driver
// never claims what its modem does not report.
type Capabilities struct {
	MaxFrame        int  // octets one Transmit may carry without being split on the air
	Reconfigurable  bool // Configure works while running
	ReportsSNR      bool
	OwnMediumAccess bool // the modem senses the carrier and backs off by itself
	// Access is how long that takes on a free channel, on average; 0 where it is an RNode's (phy.RNode).
	Access     time.Duration
	HalfDuplex bool
	QueueDepth int // frames the modem holds; 1 when it cannot queue
	// Listen is how long one Sense takes at least, Turn how long from Transmit until the carrier is up at most, where the
	// medium access is the caller's and either takes longer than with a chip on SPI.
	Listen, Turn time.Duration
	// Retune is about how long Configure takes while running.
	Retune time.Duration
	// AirOverhead is how many octets the modem itself adds to each frame on the air.
	AirOverhead int
	// Channels that the modem hops over by itself, equally often and in no pattern; 0 when it stays on one.
	Channels int
	// OwnDutyPPM is up to how much of any hour, in parts per million, the modem may be on the air by its own decision, with what it
	// was given and what it was not; 0 when it sends only what it is given.
	OwnDutyPPM uint32
}

// Packet is one received frame. Data belongs to the receiver.
type Packet struct {
	Data    []byte
	RSSIdBm float64
	SNRdB   float64
	// HasSignal is false where the modem measured neither RSSI nor SNR for this frame.
	HasSignal bool
	At        time.Time
}

// Radio is one half-duplex packet radio. Transmit and Receive may be called
// from two goroutines; each of them from one only.
type Radio interface {
	Capabilities() Capabilities
	// Configure sets modulation and transmit power, and verifies what the modem echoes. Where
	// Reconfigurable, it may be called again from the goroutine of Transmit, when everything
	// handed to Transmit has left the air.
	Configure(ctx context.Context, m phy.Modulation, powerDBm int) error
	// Transmit hands one frame to the modem and returns when the modem can take
	// another. The frame may still be waiting for the channel then.
	Transmit(ctx context.Context, frame []byte) error
	// Receive waits for the next frame.
	Receive(ctx context.Context) (Packet, error)
	Close() error
}

// Sensor is implemented by radios whose medium access is ours: they can listen before they talk.
type Sensor interface {
	// Sense listens for a few symbols and tells whether somebody sends on this channel now: a LoRa
	// preamble or frame of this setting. Where the law wants energy heard too, the channel is busy when it
	// was at or above law.BelowDBm at any moment of law.For; at least one sample is always taken. Call it from
	// the goroutine of Transmit. What arrives meanwhile is still received.
	Sense(ctx context.Context, law phy.Sensing) (busy bool, err error)
}

// Clearer is implemented by radios that know when what they hold will have left.
type Clearer interface {
	// Clear is the estimated time at which the last frame handed to Transmit has
	// left the air; a time in the past when none is held. Safe for concurrent use.
	Clear() time.Time
}
