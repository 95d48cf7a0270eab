package inet

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/internal/asked"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
	"packhorse/store/queue"
)

// Config makes a Core. All but Limits and Allow is required.
type Config struct {
	Address string          // domain name under which others know this Internet gateway
	Key     *rsa.PrivateKey // its identity
	Clock   pki.Quality     // as an event Clock before the first event
	Rand    io.Reader       // a seed replays a run
	Limits  Limits
	Allow   []pki.NodeID // private gateways that may register and use it; empty: everybody
}

// maxLinks is how many certificates are remembered as verified.
const maxLinks = 4096

// Core is the state machine of an Internet gateway. It is not safe for concurrent use.
type Core struct {
	cfg     Config
	id      pki.NodeID
	spki    []byte
	quality pki.Quality
	links   *pki.Links

	authority  authority
	office     *registration.Office
	ring       *session.Ring
	queue      *queue.Queue[lane]
	known      map[queue.ID]*entry
	arrival    uint64
	subs       map[uint64]*subscription
	collecting map[uint64]*collection
	owed       marks // acknowledgements that cargo brings
	served     marks // CCAs
	roads      map[string]*road
	idle       []Token           // of Outgoing, in order
	sending    map[string]string // addresses of what is on its way there, by key
	permits    permits
	takings    []*taking // cargo that is being unpacked, the oldest first
	takeAt     time.Time // when to go on with it; zero: not

	loads   asked.Loads
	batches asked.Batches
	out     []Event
	sweep   time.Time // when to look after certificates, keys and what is over; zero: now
	ending  bool      // a batch of what is over is on its way
}

// New rebuilds an Internet gateway from its records (of BootKinds, in any order). Records that cannot be read are
// skipped and told as a Notice.
func New(cfg Config, records []gateway.Record) (*Core, error) {
	if cfg.Key == nil || cfg.Rand == nil {
		return nil, errors.New("inet: Config needs Key and Rand")
	}
	if !ramf.ValidAddress(cfg.Address) {
		return nil, fmt.Errorf("inet: %.80q is not the address of an Internet gateway", cfg.Address)
	}
	spki, err := pki.EncodeSPKI(cfg.Key.Public())
	if err != nil {
		return nil, err
	}
	open := len(cfg.Allow) == 0
	cfg.Limits.fill(open)
	id := pki.IDOf(spki)
	c := &Core{cfg: cfg, id: id, spki: spki, quality: cfg.Clock, links: pki.NewLinks(maxLinks), office: registration.NewOffice(cfg.Key, cfg.Rand),
		ring: session.NewRing(id, cfg.Limits.Sessions), known: map[queue.ID]*entry{},
		queue: queue.New[lane](queue.Options{Head: gateway.KindInetParcel, Body: gateway.KindInetBody, Limits: cfg.Limits.quotas(open)}),
		subs:  map[uint64]*subscription{}, collecting: map[uint64]*collection{}, roads: map[string]*road{}, sending: map[string]string{}, permits: newPermits(),
		owed: newMarks(gateway.KindInetOwed, cfg.Limits.Owed), served: newMarks(gateway.KindInetServed, cfg.Limits.Owed)}
	c.restore(records)
	return c, nil
}

// restore rebuilds the state. A record that cannot be read is passed over: the rest still works.
func (c *Core) restore(records []gateway.Record) {
	var sessions []session.Record
	for _, r := range records {
		var err error
		switch r.Kind {
		case gateway.KindInetParcel:
			err = c.restoreParcel(r)
		case gateway.KindInetState:
			err = c.authority.restore(r, c.id)
		case gateway.KindInetSession:
			sessions = append(sessions, session.Record{Key: r.Key, Value: r.Value})
		case gateway.KindInetOwed:
			err = c.owed.restore(r)
		case gateway.KindInetServed:
			err = c.served.restore(r)
		case gateway.KindInetDenial, gateway.KindInetRate:
			err = c.permits.restore(r)
		}
		if err != nil {
			c.notice(true, fmt.Sprintf("store: record %d %q passed over: %v", r.Kind, r.Key, err))
		}
	}
	for _, s := range c.ring.Load(sessions) {
		c.notice(true, s.Err.Error())
	}
}

// HandleEvent takes an event of the "into the core" group.
func (c *Core) HandleEvent(now time.Time, e Event) {
	switch e := e.(type) {
	case Persisted:
		c.batches.Settle(now, e.Seq, e.Err)
	case Loaded:
		c.loads.Settle(now, e.Kind, e.Key, e.Value, e.Err)
	case Clock:
		c.setClock(e.Quality)
	case Register:
		c.register(now, e)
	case Deliver:
		c.deliver(now, e)
	case Collect:
		c.collect(now, e)
	case Next:
		c.next(now, e)
	case Ack:
		c.ack(now, e)
	case TakeCargo:
		c.takeCargo(now, e)
	case OpenCCA:
		c.openCCA(now, e)
	case NextCargo:
		c.nextCargo(now, e)
	case Outgoing:
		c.idle = append(c.idle, e.Token)
	case Sent:
		c.sent(now, e)
	case Close:
		c.close(e.Sub)
	case Forget:
		c.forget(e.Token)
	}
	c.settle(now)
}

// HandleTimeout is called at or after PollTimeout's time.
func (c *Core) HandleTimeout(now time.Time) { c.settle(now) }

// settle does what is due and finds work for who waits.
func (c *Core) settle(now time.Time) {
	if !c.sweep.After(now) {
		c.tidy(now)
	}
	c.takeMore(now)
	c.expire(now)
	if c.queue.Wake(now) > 0 {
		c.offerAgain(now)
	}
	c.dispatch(now)
}

// PollTimeout is the next time HandleTimeout wants to be called.
func (c *Core) PollTimeout() (time.Time, bool) {
	at := c.sweep
	for _, t := range []time.Time{c.queue.NextWake(), c.nextEnd(), c.nextRoad(), c.takeAt} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at, true
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

func (c *Core) emit(e Event) { c.out = append(c.out, e) }

func (c *Core) answer(t Token, v any, err error) { c.emit(Answer{Token: t, Value: v, Err: err}) }

func (c *Core) notice(warn bool, text string) { c.emit(Notice{Text: text, Warn: warn}) }

func (c *Core) setClock(q pki.Quality) {
	if c.quality != q {
		c.quality, c.sweep = q, time.Time{}
	}
}

// trusted tells that dates can be judged, issued and ended by.
func (c *Core) trusted() bool { return c.quality >= pki.ClockNTP }

// allowed refuses private gateways that the configuration does not name, also those that registered before it was so.
func (c *Core) allowed(id pki.NodeID) error {
	if len(c.cfg.Allow) == 0 || slices.Contains(c.cfg.Allow, id) {
		return nil
	}
	return refuse(ramf.NotAuthorised, "%.80s is none of the private gateways that this Internet gateway serves", id)
}

// ours tells whether an address names this gateway.
func (c *Core) ours(address string) bool {
	return address == "" || strings.EqualFold(strings.TrimSuffix(address, "."), strings.TrimSuffix(c.cfg.Address, "."))
}

// terms judge what comes from private gateways, whose boards may have no clock of their own.
func (c *Core) terms(now time.Time) pki.Terms {
	return pki.Terms{Now: now, Quality: c.quality, Ahead: pki.ClockDrift, Links: c.links}
}
