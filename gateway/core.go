package gateway

import (
	"errors"
	"io"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/link"
)

// Config makes a Core. Keys are made by the shell: that takes seconds on a small board.
type Config struct {
	Name       string             // empty: that of Identity
	Identity   *domain.Identity   // required
	Membership *domain.Membership // nil: no domain yet
	Owner      *domain.Owner      // nil: we do not own the domain
	Endpoint   *endpoint.Endpoint // the built-in endpoint: identity key; the rest comes from records when they have it. Required
	Rand       io.Reader          // required; a seed replays a run
	Limits     Limits
}

// Limits bound what others can make us keep. Zero values mean the defaults.
type Limits struct {
	Parcels      int   // records of parcels; 10,000
	Bytes        int64 // bodies in custody; 256 MiB
	PeerBytes    int64 // bodies from one neighbour; half of Bytes
	Gateways     int   // gateways known by advert; 1,000
	Endpoints    int   // endpoints known by advert or registered; 4,000
	Letters      int   // letters in the inbox; 10,000
	PartialBytes int64 // symbols kept across a restart; 32 MiB
}

// Core is the state machine of one gateway. It is not safe for concurrent use.
type Core struct{}

// New rebuilds a gateway from its records (of BootKinds, in any order). Records that cannot be read are
// skipped and told as a Notice.
func New(cfg Config, records []Record) (*Core, error) {
	return nil, errors.New("gateway: not built yet")
}

// HandleFrame takes one frame from a port. b is borrowed.
func (c *Core) HandleFrame(now time.Time, p link.Port, b []byte, m link.Meta) {}

// HandleEvent takes an event of the "into the core" group. Slices in it belong to the core.
func (c *Core) HandleEvent(now time.Time, e Event) {}

// HandleTimeout is called at or after PollTimeout's time.
func (c *Core) HandleTimeout(now time.Time) {}

// PollTransmit appends the next frame for the port to buf. Call it when the port can take a
// frame, until it answers false.
func (c *Core) PollTransmit(now time.Time, p link.Port, buf []byte) ([]byte, bool) {
	return buf, false
}

// PollTimeout is the next time HandleTimeout wants to be called. After HandleTimeout(now) it lies
// after now, or there is none.
func (c *Core) PollTimeout() (time.Time, bool) { return time.Time{}, false }

// PollEvent returns the next event for the shell.
func (c *Core) PollEvent() (Event, bool) { return nil, false }

// Snapshot tells how the gateway is.
func (c *Core) Snapshot(now time.Time) Snapshot { return Snapshot{} }

// Parcels lists the parcels we have not finished with, by priority and age, and with all also
// those that ended but are remembered.
func (c *Core) Parcels(now time.Time, all bool) []Parcel { return nil }

// Parcel finds one by its id or a unique prefix.
func (c *Core) Parcel(now time.Time, id string) (Parcel, error) { return Parcel{}, nil }

// Letters lists the inbox, newest first, without content.
func (c *Core) Letters() []Letter { return nil }

// Contacts lists the names that Send accepts, sorted.
func (c *Core) Contacts() []string { return nil }
