package gateway

import (
	"errors"
	"io"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/internal/asked"
	"packhorse/gateway/pki"
	"packhorse/gateway/registration"
	"packhorse/gateway/route"
	"packhorse/gateway/uplink"
	"packhorse/link"
	"packhorse/store/queue"
)

// Config makes a Core. Keys are made by the shell: that takes seconds on a small board.
type Config struct {
	Name       string             // empty, or a member already: that of Identity
	Identity   *domain.Identity   // required
	Membership *domain.Membership // nil: no domain yet
	Owner      *domain.Owner      // nil: we do not own the domain
	Endpoint   *endpoint.Endpoint // the built-in endpoint: identity key; the rest comes from records when they have it. Required
	Clock      pki.Quality        // as an event Clock before the first frame
	ClockKept  bool               // the host answers for its clock: Clock is taken at its word, whatever was known before
	// Steady is a clock that nobody sets, from any beginning; nil: the monotonic reading in now.
	Steady func(now time.Time) time.Duration
	Rand   io.Reader // required; a seed replays a run
	Limits Limits
}

// Core is the state machine of one gateway. It is not safe for concurrent use.
type Core struct {
	cfg       Config
	id        *domain.Identity
	self      link.PeerID
	member    *domain.Membership
	owner     *domain.Owner
	quality   pki.Quality       // of the clock, as judged
	clockTold link.ClockQuality // as the link heard it last
	doubted   bool              // it does not fit what was known
	clock     wallclock
	link      *link.Core

	queue      parcels
	ends       time.Time // not later than the earliest expiry of a note or draft; zero: nothing to look for
	notes      notes
	adverts    adverts
	exits      exits
	strays     strays
	airPaid    time.Time // by the steady clock: when all that strangers sent over the mesh is paid for
	routes     *route.Table
	roster     *domain.Roster // nil: no domain
	members    map[link.PeerID]memberRecord
	desk       *registration.Desk
	peers      map[link.PeerID]*peer
	ports      map[link.Port]portInfo
	subs       map[uint64]*subscription
	opening    map[uint64]bool // subscriptions that begin once a CCA is durable
	sticks     map[uint64]*stickExport
	local      map[pki.NodeID]localEndpoint
	box        box
	custodians custodians
	drafts     drafts
	chores     chores
	sources    rations             // newer adverts, by neighbour
	writers    rations             // dispatches, by who wrote them
	revoked    map[pki.NodeID]bool // RSA keys of gateways that were taken out
	book       *uplink.Book        // registrations with Internet gateways
	tidied     time.Time           // when it was last looked through
	owed       map[queue.ID]owed   // what couriers brought
	unloads    []*unloading        // cargo that is being unloaded, the oldest first
	unloadAt   time.Time           // when to go on with it; zero: not
	permits
	unsealed unsealed
	links    *pki.Links // certificates whose signatures were verified
	pairing  *pairing

	counters   map[string]uint64
	partials   partials
	space      space
	loads      asked.Loads
	batches    asked.Batches
	out        []Event
	resumes    []link.Resume // until boot
	booted     bool
	lastAdvert time.Time
	refresh    time.Time   // when to advertise anew, zero: not
	lost       link.PeerID // the neighbour we had last, while there is none
	advertised bool        // in this life
	restock    bool        // collectors may have what others had, or what waits for the Internet
	dirty      bool        // routes, peers or waiting items changed: the submits may have to
}

type portInfo struct {
	up      link.PortUp
	blocked time.Time // no budget before this
}

// New rebuilds a gateway from its records (of BootKinds, in any order). Records that cannot be read are
// skipped and told as a Notice.
func New(cfg Config, records []Record) (*Core, error) {
	if cfg.Identity == nil || cfg.Endpoint == nil || cfg.Rand == nil {
		return nil, errors.New("gateway: Config needs Identity, Endpoint and Rand")
	}
	cfg.Limits.fill()
	id := *cfg.Identity
	c := &Core{cfg: cfg, id: &id, self: cfg.Identity.ID(), member: cfg.Membership, owner: cfg.Owner, clock: wallclock{kept: cfg.ClockKept, reported: cfg.Clock},
		queue: newParcels(cfg.Limits), notes: newNotes(), adverts: newAdverts(), exits: newExits(), routes: route.NewTable(cfg.Limits.Gateways),
		members: map[link.PeerID]memberRecord{}, desk: registration.NewDesk(cfg.Identity.Sign), peers: map[link.PeerID]*peer{}, ports: map[link.Port]portInfo{},
		subs: map[uint64]*subscription{}, opening: map[uint64]bool{}, local: map[pki.NodeID]localEndpoint{}, drafts: newDrafts(), sources: rations{}, writers: rations{}, chores: chores{asking: map[string]bool{}, taking: map[string]bool{}},
		revoked: map[pki.NodeID]bool{}, owed: map[queue.ID]owed{}, permits: newPermits(), links: pki.NewLinks(maxLinks),
		counters: map[string]uint64{}, partials: newPartials(), dirty: true}
	if cfg.Name != "" && cfg.Membership == nil {
		c.id.Name = cfg.Name
	}
	var err error
	if c.book, err = uplink.New(cfg.Identity.RSA); err != nil {
		return nil, err
	}
	l, err := link.New(link.Config{Self: c.self, Static: c.id.Static, Domain: c.linkDomain(), Rand: cfg.Rand})
	if err != nil {
		return nil, err
	}
	c.link = l
	c.box = newBox(cfg.Endpoint)
	c.restore(records)
	if c.restoreClock(); cfg.ClockKept {
		c.quality = cfg.Clock
	}
	return c, nil
}

// HandleFrame takes one frame from a port. b is borrowed.
func (c *Core) HandleFrame(now time.Time, p link.Port, b []byte, m link.Meta) {
	c.readClock(now)
	c.link.HandleFrame(now, p, b, m)
	c.settle(now)
}

// HandleTimeout is called at or after PollTimeout's time.
func (c *Core) HandleTimeout(now time.Time) {
	c.readClock(now)
	if at, ok := c.link.PollTimeout(); ok && !at.After(now) {
		c.link.HandleTimeout(now)
	}
	c.expire(now)
	c.expirePairing(now)
	c.releaseHolds(now)
	c.endShunning(now)
	c.checkCustody(now)
	c.wakeRests(now)
	c.refreshAdvert(now)
	c.tellExits(now)
	c.wakeStrays(now)
	c.reopen(now)
	c.wakeChores(now)
	c.unloadMore(now)
	c.settle(now)
}

// PollTransmit appends the next frame for the port to buf. Call it when the port can take a
// frame, until it answers false.
func (c *Core) PollTransmit(now time.Time, p link.Port, buf []byte) ([]byte, bool) {
	c.readClock(now)
	b, ok := c.link.PollTransmit(now, p, buf)
	c.settle(now)
	return b, ok
}

// PollTimeout is the next time HandleTimeout wants to be called. After HandleTimeout(now) it lies
// after now, or there is none.
func (c *Core) PollTimeout() (time.Time, bool) {
	at, ok := c.link.PollTimeout()
	for _, t := range []time.Time{c.nextHold(), c.nextTrial(), c.custodians.next, c.nextExpiry(), c.pairingDeadline(), c.nextRest(), c.refresh, c.exits.due, c.strays.next, c.clock.due, c.box.reopen, c.chores.next, c.unloadAt} {
		if !t.IsZero() && (!ok || t.Before(at)) {
			at, ok = t, true
		}
	}
	return at, ok
}

// PollEvent returns the next event for the shell.
func (c *Core) PollEvent() (Event, bool) {
	if len(c.out) == 0 {
		return nil, false
	}
	e := c.out[0]
	c.out[0] = nil
	c.out = c.out[1:]
	return e, true
}

// HandleEvent takes an event of the "into the core" group. Slices in it belong to the core.
func (c *Core) HandleEvent(now time.Time, e Event) {
	if e, ok := e.(Clock); ok {
		c.clock.reported = e.Quality
	}
	c.readClock(now)
	switch e := e.(type) {
	case FromPort:
		c.fromPort(now, e.Event)
	case PortBlocked:
		c.portBlocked(e)
	case Persisted:
		c.batches.Settle(now, e.Seq, e.Err)
	case Loaded:
		c.loads.Settle(now, e.Kind, e.Key, e.Value, e.Err)
	case Room:
		c.setRoom(e)
	case Clock:
		c.dirty = true
	case Up:
		c.up(now, e)
	case Deliver:
		c.deliver(now, e)
	case Register:
		c.register(now, e)
	case Collect:
		c.collect(now, e)
	case Next:
		c.next(now, e)
	case Ack:
		c.ack(now, e)
	case CloseCollect:
		c.closeCollect(e.Sub)
	case Forget:
		c.forget(e.Token)
	default:
		c.handlePersonal(now, e)
	}
	c.settle(now)
}

// handlePersonal takes what people ask for with the CLI or the page.
func (c *Core) handlePersonal(now time.Time, e Event) {
	switch e := e.(type) {
	case Send:
		c.send(now, e)
	case ReadLetter:
		c.readLetter(now, e)
	case DeleteLetter:
		c.deleteLetter(now, e)
	case OpenPairing:
		c.openPairing(now, e)
	case JoinPairing:
		c.joinPairing(now, e)
	case AwaitPairing:
		c.awaitPairing(e.Token)
	case ClosePairing:
		c.endPairing(now, PairResult{}, &Error{Code: "refused", Message: "the pairing was closed", Fix: "packhorse pair"})
	case ContactCard:
		c.contactCard(e)
	case ExportContact:
		c.exportContact(now, e)
	case AddContact:
		c.addContact(now, e)
	case Revoke:
		c.revoke(now, e)
	default:
		c.handleInternet(now, e)
	}
}

// settle carries on until the link has nothing to tell and all that waits is submitted.
func (c *Core) settle(now time.Time) {
	c.boot(now)
	for {
		for e, ok := c.link.PollEvent(); ok; e, ok = c.link.PollEvent() {
			c.fromLink(now, e)
		}
		if !c.dirty {
			return
		}
		c.dirty = false
		c.pump(now)
		c.restockAll(now)
	}
}

func (c *Core) emit(e Event) { c.out = append(c.out, e) }

func (c *Core) answer(t Token, v any, err error) {
	if t != 0 {
		c.emit(Answer{Token: t, Value: v, Err: err})
	}
}

func (c *Core) notice(warn bool, text string) { c.emit(Notice{Text: text, Warn: warn}) }

// fromPort passes what transports tell on to the link.
func (c *Core) fromPort(now time.Time, e link.Event) {
	switch e := e.(type) {
	case link.PortUp:
		c.ports[e.Port] = portInfo{up: e}
		c.dirty = true
	case link.PortDown:
		delete(c.ports, e.Port)
		c.dirty = true
	case link.PortClear, link.PortBudget, link.Tuned, link.Probe:
	default:
		return
	}
	c.link.HandleEvent(now, e)
}

func (c *Core) portBlocked(e PortBlocked) {
	if i, ok := c.ports[e.Port]; ok {
		i.blocked = e.Until
		c.ports[e.Port] = i
	}
}

func (c *Core) linkDomain() link.Domain {
	if c.member == nil {
		return link.Domain{}
	}
	return c.member.Link()
}

func (c *Core) name() string { return c.id.Name }
