// Package link is one hop between gateways as a state machine: Noise sessions,
// offers, symbols, repair and custody. It has no goroutine, clock, socket, file
// or random source of its own; link/port is the only part that does IO.
package link

import (
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/flynn/noise"

	"packhorse/link/wire"
)

// The smallest frame a port must carry, in octets: one symbol with its header and tag. On
// media other than a radio the tag is longer.
const (
	MinMTU      = 72
	MinMTUOther = 84
)

// DefaultMaxReassembly is how many octets of unfinished bodies are held when Config does not say.
const DefaultMaxReassembly = 24 << 20

// MaxItem is the largest body that can be submitted, in octets.
const MaxItem = maxBody

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
	// MaxReassembly bounds the memory for unfinished bodies, in octets; 0 is
	// DefaultMaxReassembly. What does not fit is refused as busy.
	MaxReassembly int
	// SlowAfter is how long a transfer may take on a radio before another port of the
	// same peer is preferred; 0 is ten minutes.
	SlowAfter time.Duration
	// NoClears never tells neighbours whose turn it is. For comparison.
	NoClears bool
}

// Meta is what the port knows about a received frame.
type Meta struct {
	RSSIdBm, SNRdB float64
	HasSignal      bool // false where the transport measures none
}

// Core is the link state machine of one gateway, over all its ports. It is not
// safe for concurrent use.
type Core struct {
	cfg    Config
	static noise.DHKey
	public [32]byte
	short  [wire.ShortSize]byte
	domain domainKeys
	rng    *rand.Rand // for times only; keys come from cfg.Rand

	now       time.Time
	boot      uint32
	beaconSeq uint16
	records   bucket

	ports    []*port // by number
	peers    []*peer // by id
	sessions map[uint16]*session
	openings map[uint16]*path
	bodies   map[Digest]*body
	order    []*reassembly // unfinished bodies, as they came
	memory   int           // octets held by them
	recent   recent
	submits  uint64
	clock    uint64
	// clockQuality is what our beacons say of our wall clock.
	clockQuality ClockQuality

	pairing pairing
	codec   codec
	repairs repairs
	stats   Stats
	events  []Event
	msg     wire.Message
	reply   wire.Message
	said    []*outgoing
	grants  bool // the frame being made invites a burst
	frame   []byte
}

// New returns a core that knows no port and no member yet.
func New(cfg Config) (*Core, error) {
	if cfg.Rand == nil {
		return nil, errors.New("link: Config.Rand is missing: give crypto/rand.Reader, or a seeded reader in a simulation")
	}
	key, err := ecdh.X25519().NewPrivateKey(cfg.Static[:])
	if err != nil {
		return nil, fmt.Errorf("link: static key: %w", err)
	}
	if cfg.MaxReassembly == 0 {
		cfg.MaxReassembly = DefaultMaxReassembly
	}
	if cfg.SlowAfter == 0 {
		cfg.SlowAfter = 10 * time.Minute
	}
	var seed [20]byte
	if _, err := io.ReadFull(cfg.Rand, seed[:]); err != nil {
		return nil, fmt.Errorf("link: random source: %w", err)
	}
	c := &Core{
		cfg: cfg, short: shortID(cfg.Self), domain: newDomainKeys(cfg.Domain),
		static:   noise.DHKey{Private: key.Bytes(), Public: key.PublicKey().Bytes()},
		rng:      rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:]), binary.BigEndian.Uint64(seed[8:]))),
		boot:     binary.BigEndian.Uint32(seed[16:]),
		sessions: map[uint16]*session{}, openings: map[uint16]*path{},
		bodies:  map[Digest]*body{},
		records: newBucket(16, time.Second),
	}
	copy(c.public[:], c.static.Public)
	return c, nil
}

func (c *Core) random16() uint16 { return uint16(c.rng.Uint32()) }

// jitter is a random time below d.
func (c *Core) jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(c.rng.Int64N(int64(d)))
}

func (c *Core) emit(e Event) { c.events = append(c.events, e) }

// PollEvent returns the next event of the "out of the core" group.
func (c *Core) PollEvent() (Event, bool) {
	if len(c.events) == 0 {
		return nil, false
	}
	e := c.events[0]
	c.events[0] = nil
	if c.events = c.events[1:]; len(c.events) == 0 {
		c.events = nil
	}
	return e, true
}

// HandleFrame takes one frame from a port. b is borrowed.
func (c *Core) HandleFrame(now time.Time, id Port, b []byte, m Meta) {
	c.now = now
	c.stats.FramesIn++
	c.stats.OctetsIn += uint64(len(b))
	p := c.port(id)
	if p == nil {
		c.drop(DropUnknownPort)
		return
	}
	if len(b) > maxFrame {
		c.drop(DropOversized)
		return
	}
	if p.misplaced(wire.TypeOf(b)) {
		c.drop(DropAway)
		return
	}
	switch wire.TypeOf(b) {
	case wire.TypeBeacon:
		c.handleBeacon(p, b, m)
	case wire.TypeQuery:
		if wire.IsClear(b) {
			c.handleClear(p, b)
		} else {
			c.handleQuery(p, b)
		}
	case wire.TypeRecord:
		c.handleRecord(p, b)
	case wire.TypeHandshake1:
		c.handleHandshake1(p, b, m)
	case wire.TypeHandshake2:
		c.handleHandshake2(p, b, m)
	case wire.TypeControl:
		c.handleControl(p, b, m)
	case wire.TypeData, wire.TypeDataPoll, wire.TypeDataFull, wire.TypeDataFullPoll, wire.TypeDataCheck:
		c.handleData(p, b, m)
	case wire.TypeCast:
		c.handleCast(p, b)
	case wire.TypePAKE1, wire.TypePAKE2, wire.TypePairing1, wire.TypePairing2:
		c.handlePairing(p, b, m)
	default:
		c.drop(DropMalformed)
	}
	c.loadBodies()
}

// HandleEvent takes one of the events of the "into the core" group. It ignores others.
func (c *Core) HandleEvent(now time.Time, e Event) {
	c.now = now
	switch e := e.(type) {
	case PortUp:
		c.portUp(e)
	case PortDown:
		c.portDown(e.Port)
	case PortClear:
		c.portClear(e)
	case PortBudget:
		c.portBudget(e)
	case Tuned:
		c.tuned(e)
	case AddMember:
		c.addMember(e.Member)
	case RemoveMember:
		if p := c.peer(e.ID); p != nil {
			c.removePeer(p, "no longer a member")
		}
	case Submit:
		c.submit(e)
	case Withdraw:
		c.withdraw(e)
	case Loaded:
		c.loaded(e)
	case Answer:
		c.answered(e)
	case Stored:
		c.stored(e)
	case Resume:
		c.resume(e)
	case OpenPairing:
		c.openPairing(e)
	case JoinPairing:
		c.joinPairing(e)
	case ClosePairing:
		c.closePairing()
	case SetDomain:
		c.setDomain(e.Domain)
	case Clock:
		c.clockQuality = min(e.Quality, ClockRTC)
	case Suspect:
		c.suspect(e)
	case Vouch:
		c.vouched(e.Peer)
	case Probe:
		c.hurryBeacons()
	}
	c.loadBodies()
}

// setDomain changes the domain or its epoch; sessions under the old key end.
func (c *Core) setDomain(d Domain) {
	old := c.domain
	c.domain = newDomainKeys(d)
	if old.ID == d.ID && old.Epoch == d.Epoch && old.Key == d.Key {
		return
	}
	for _, p := range append([]*peer(nil), c.peers...) {
		if p.pairing {
			continue
		}
		if old.ID != d.ID {
			c.removePeer(p, "the domain changed")
			continue
		}
		for len(p.paths) > 0 {
			c.closePath(p.paths[0], "the domain's key changed")
		}
	}
	c.hurryBeacons()
}
