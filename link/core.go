// Package link is one hop between gateways as a state machine: Noise sessions,
// offers, symbols, repair and custody. It has no goroutine, clock, socket, file
// or random source of its own; link/port is the only part that does IO.
package link

import (
	"io"
	"time"
)

// Domain is what a link needs to know of the domain it works in.
type Domain struct {
	ID     [16]byte // zero: none yet; the core then only pairs
	Epoch  uint32   // of the key
	Key    [32]byte // the domain's pre-shared key
	Record []byte   // our own membership record, opaque here, at most 200 octets
}

// Config makes a Core.
type Config struct {
	Self   PeerID
	Static [32]byte // X25519 private key
	Domain Domain
	Rand   io.Reader // every random octet comes from here, so a seed replays a run
}

// Meta is what the port knows about a received frame.
type Meta struct {
	RSSIdBm, SNRdB float64
	HasSignal      bool // false where the transport measures none
}

// Core is the link state machine of one gateway, over all its ports. It is not
// safe for concurrent use.
type Core struct{}

// New returns a core that knows no port and no member yet.
func New(cfg Config) (*Core, error) { panic("link: not built yet") }

// HandleFrame takes one frame from a port. b is borrowed.
func (c *Core) HandleFrame(now time.Time, p Port, b []byte, m Meta) { panic("link: not built yet") }

// HandleEvent takes one of the events of the "into the core" group.
func (c *Core) HandleEvent(now time.Time, e Event) { panic("link: not built yet") }

// HandleTimeout is called at or after PollTimeout's time.
func (c *Core) HandleTimeout(now time.Time) { panic("link: not built yet") }

// PollTransmit appends the next frame for the port to buf. Call it when the
// port can take a frame, until it answers false.
func (c *Core) PollTransmit(now time.Time, p Port, buf []byte) ([]byte, bool) {
	panic("link: not built yet")
}

// PollTimeout is the next time HandleTimeout wants to be called. After
// HandleTimeout(now) it lies after now, or there is none.
func (c *Core) PollTimeout() (time.Time, bool) { panic("link: not built yet") }

// PollEvent returns the next event of the "out of the core" group.
func (c *Core) PollEvent() (Event, bool) { panic("link: not built yet") }
