package gateway

import (
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/link"
	"packhorse/store"
)

// A bench of gateways in virtual time: cores joined by lossless pipes, each with a map for a disk.

var epoch = pkitest.Now

func seeded(seed uint64, name string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, name)))
}

type bench struct {
	t     testing.TB
	now   time.Time
	sites []*site
	pipes []*pipe
	// crash is asked at each batch of each site; true kills the site there.
	crash func(s *site, p Persist, applied bool) bool
	// half is asked at each batch with secrets; true kills the site between its operations and the first of them.
	half  func(s *site, p Persist) bool
	steps int
}

// site is one gateway with its disk.
type site struct {
	b        *bench
	name     string
	core     *Core
	id       *domain.Identity
	key      *rsa.PrivateKey // of the built-in endpoint
	disk     map[store.Kind]map[string][]byte
	secrets  map[string][]byte
	answers  map[Token]Answer
	events   []Event
	token    Token
	boots    int
	batches  int // over all lives
	fail     func(Persist) error
	lag      time.Duration // of the disk
	late     []pending     // batches that are not durable yet
	clock    pki.Quality
	doubts   bool          // its clock is not taken at its word
	jump     time.Duration // of its wall clock
	limits   Limits
	pipes    []*pipe
	letters  []Letter
	swallows bool // it drops what it should pass on
}

type pipe struct {
	ends [2]*site
	port link.Port // same number at both ends, unique
	down bool
	deaf bool // it works, but what is sent gets lost
	air  []flying
	busy [2]time.Time
}

// pending is a batch that becomes durable at some time.
type pending struct {
	at time.Time
	p  Persist
}

type flying struct {
	to   int
	at   time.Time
	data []byte
}

func newBench(t testing.TB) *bench { return &bench{t: t, now: epoch} }

func (b *bench) site(name string) *site {
	s := &site{b: b, name: name, key: pkitest.Key(b.t, "box "+name), disk: map[store.Kind]map[string][]byte{},
		secrets: map[string][]byte{}, answers: map[Token]Answer{}, clock: pki.ClockNTP}
	id, err := domainIdentity(b.t, name)
	if err != nil {
		b.t.Fatal(err)
	}
	s.id = id
	s.secrets[SecretIdentity] = id.Marshal()
	b.sites = append(b.sites, s)
	s.boot()
	return s
}

// domainIdentity is NewIdentity with a key that other tests share.
func domainIdentity(t testing.TB, name string) (*domain.Identity, error) {
	key := pkitest.Key(t, "gateway "+name)
	sum := sha256.Sum256([]byte(name))
	id := &domain.Identity{Name: name, Sign: edKey(sum), Static: sha256.Sum256(sum[:]), RSA: key}
	return domain.UnmarshalIdentity(id.Marshal())
}

// boot makes the core from nothing but the disk, as after a crash.
func (s *site) boot() {
	s.boots++
	cfg := Config{Clock: s.clock, ClockKept: !s.doubts, Steady: s.steady, Rand: seeded(uint64(s.boots), s.name), Limits: s.limits}
	var err error
	must := func(e error) {
		if e != nil {
			s.b.t.Fatalf("%s boots: %v", s.name, e)
		}
	}
	cfg.Identity, err = domain.UnmarshalIdentity(s.secrets[SecretIdentity])
	must(err)
	cfg.Endpoint, err = endpoint.FromKey(s.key, cfg.Rand)
	must(err)
	if v := s.secrets[SecretMembership]; v != nil {
		cfg.Membership, err = domain.UnmarshalMembership(v)
		must(err)
	}
	if v := s.secrets[SecretOwner]; v != nil && cfg.Membership != nil {
		cfg.Owner, err = domain.UnmarshalOwner(v)
		must(err)
	}
	s.core, err = New(cfg, s.records())
	must(err)
	clear(s.answers)
	for _, p := range s.pipes {
		p.cut(s)
		if !p.down {
			s.core.HandleEvent(s.b.now, FromPort{p.portUp()})
		}
	}
}

// steady is a clock that begins with each life, and that no jump moves.
func (s *site) steady(now time.Time) time.Duration { return now.Sub(epoch) - s.jump }

func (s *site) records() (out []Record) {
	for _, k := range BootKinds() {
		for _, key := range sortedKeys(s.disk[k]) {
			out = append(out, Record{k, key, s.disk[k][key]})
		}
	}
	return out
}

// join connects two sites.
func (b *bench) join(x, y *site) *pipe {
	p := &pipe{ends: [2]*site{x, y}, port: link.Port(len(b.pipes) + 1)}
	b.pipes = append(b.pipes, p)
	x.pipes, y.pipes = append(x.pipes, p), append(y.pipes, p)
	p.set(true)
	return p
}

func (p *pipe) portUp() link.PortUp {
	return link.PortUp{Port: p.port, Medium: link.Datagram, MTU: 1200, Airtime: wire, Access: time.Millisecond}
}

func wire(n int) time.Duration { return time.Millisecond + time.Duration(n)*10*time.Microsecond }

func (p *pipe) set(up bool) {
	p.down, p.air = !up, nil
	for _, s := range p.ends {
		if up {
			s.core.HandleEvent(s.b.now, FromPort{p.portUp()})
		} else {
			s.core.HandleEvent(s.b.now, FromPort{link.PortDown{Port: p.port}})
		}
	}
}

// cut loses what is in the air to or from a site that died.
func (p *pipe) cut(s *site) { p.air = nil }

func (b *bench) trouble(format string, args ...any) {
	b.t.Helper()
	b.t.Fatalf("at %v: %s", b.now.Sub(epoch), fmt.Sprintf(format, args...))
}

// run advances virtual time until ok holds, at most d.
func (b *bench) run(d time.Duration, ok func() bool) bool {
	end := b.now.Add(d)
	for {
		b.settle()
		if ok() {
			return true
		}
		at, any := b.next()
		if !any || at.After(end) {
			b.now = end
			return false
		}
		b.now = maxTime(at, b.now)
		b.fire()
		if b.steps++; b.steps > 2_000_000 {
			b.trouble("the bench does not come to rest")
		}
	}
}

func (b *bench) must(d time.Duration, what string, ok func() bool) {
	b.t.Helper()
	if !b.run(d, ok) {
		for _, s := range b.sites {
			b.t.Logf("%s: %+v", s.name, s.core.Snapshot(b.now))
			for _, p := range s.core.Parcels(b.now, true) {
				b.t.Logf("  %+v", p)
			}
			for _, e := range s.events {
				if n, ok := e.(Notice); ok {
					b.t.Logf("  notice: %s", n.Text)
				}
			}
		}
		b.trouble("%s did not happen within %v", what, d)
	}
}

// next is the time of the next thing to happen.
func (b *bench) next() (at time.Time, any bool) {
	see := func(t time.Time) {
		if !any || t.Before(at) {
			at, any = t, true
		}
	}
	for _, s := range b.sites {
		if t, ok := s.core.PollTimeout(); ok {
			see(t)
		}
		if len(s.late) > 0 {
			see(s.late[0].at)
		}
	}
	for _, p := range b.pipes {
		for _, f := range p.air {
			see(f.at)
		}
		for _, t := range p.busy {
			if t.After(b.now) {
				see(t)
			}
		}
	}
	return at, any
}

func (b *bench) fire() {
	for _, p := range b.pipes {
		for len(p.air) > 0 && !p.air[0].at.After(b.now) {
			f := p.air[0]
			p.air = p.air[1:]
			p.ends[f.to].core.HandleFrame(b.now, p.port, f.data, link.Meta{})
		}
	}
	for _, s := range b.sites {
		for len(s.late) > 0 && !s.late[0].at.After(b.now) {
			p := s.late[0].p
			s.late = s.late[1:]
			s.persist(p)
		}
		if t, ok := s.core.PollTimeout(); ok && !t.After(b.now) {
			s.core.HandleTimeout(b.now)
			if t, ok := s.core.PollTimeout(); ok && !t.After(b.now) {
				b.trouble("%s: after its timeout the next one is not later", s.name)
			}
		}
	}
}

// settle carries out what the cores want until nothing more is wanted now.
func (b *bench) settle() {
	for again := true; again; {
		again = false
		for _, s := range b.sites {
			s.swallow()
			again = s.carryOut() || again
		}
		for _, p := range b.pipes {
			for i := range p.ends {
				again = p.pull(i) || again
			}
		}
	}
}

func (p *pipe) pull(from int) bool {
	s := p.ends[from]
	if p.down || p.busy[from].After(s.b.now) {
		return false
	}
	f, ok := s.core.PollTransmit(s.b.now, p.port, nil)
	if !ok {
		return false
	}
	p.busy[from] = s.b.now.Add(wire(len(f)))
	if p.deaf {
		return true
	}
	p.air = append(p.air, flying{1 - from, p.busy[from], f})
	sort.SliceStable(p.air, func(i, j int) bool { return p.air[i].at.Before(p.air[j].at) })
	return true
}

// carryOut does what a shell does, with a disk that is done at once or lags.
func (s *site) carryOut() (did bool) {
	for e, ok := s.core.PollEvent(); ok; e, ok = s.core.PollEvent() {
		did = true
		switch e := e.(type) {
		case Persist:
			if s.lag > 0 {
				s.late = append(s.late, pending{s.b.now.Add(s.lag), e})
			} else if s.persist(e) {
				return true
			}
		case Load:
			v, ok := s.disk[e.Kind][e.Key]
			var err error
			if !ok {
				err = store.ErrNotFound
			}
			s.core.HandleEvent(s.b.now, Loaded{e.Kind, e.Key, slices.Clone(v), err})
		case Answer:
			s.answers[e.Token] = e
		case LetterArrived:
			s.letters = append(s.letters, e.Letter)
		default:
			s.events = append(s.events, e)
		}
	}
	return did
}

// persist applies a batch; it tells whether the site died and came back meanwhile.
func (s *site) persist(p Persist) bool {
	s.batches++
	if s.b.crash != nil && s.b.crash(s, p, false) {
		s.boot()
		return true
	}
	if s.b.half != nil && len(p.Secrets) > 0 && s.b.half(s, p) {
		s.apply(Persist{Ops: p.Ops})
		s.boot()
		return true
	}
	err := error(nil)
	if s.fail != nil {
		err = s.fail(p)
	}
	if err == nil {
		s.apply(p)
	}
	if s.b.crash != nil && s.b.crash(s, p, true) {
		s.boot()
		return true
	}
	s.core.HandleEvent(s.b.now, Persisted{p.Seq, err})
	return false
}

func (s *site) apply(p Persist) {
	for _, x := range p.Secrets {
		s.secrets[x.Name] = slices.Clone(x.Value)
	}
	for _, op := range p.Ops {
		if s.disk[op.Kind] == nil {
			s.disk[op.Kind] = map[string][]byte{}
		}
		if op.Delete {
			delete(s.disk[op.Kind], op.Key)
		} else {
			s.disk[op.Kind][op.Key] = slices.Clone(op.Value)
		}
	}
}

// ask passes a request and returns its token.
func (s *site) ask(request func(Token) Event) Token {
	s.token++
	s.core.HandleEvent(s.b.now, request(s.token))
	return s.token
}

// call asks and waits for the answer.
func (s *site) call(request func(Token) Event) (any, error) {
	s.b.t.Helper()
	t := s.ask(request)
	s.b.must(time.Hour, "an answer", func() bool { _, ok := s.answers[t]; return ok })
	a := s.answers[t]
	delete(s.answers, t)
	return a.Value, a.Err
}

func (s *site) mustCall(request func(Token) Event) any {
	s.b.t.Helper()
	v, err := s.call(request)
	if err != nil {
		s.b.trouble("%s: %v", s.name, err)
	}
	return v
}

// found makes the domain at a site.
func (b *bench) found(s *site, name string) {
	b.t.Helper()
	s.mustCall(func(t Token) Event { return Up{Token: t, Owner: ownerOf(b.t, name)} })
}

// pair brings a second site in by code.
func (b *bench) pair(owner, joiner *site) {
	b.t.Helper()
	offer := owner.mustCall(func(t Token) Event { return OpenPairing{t} }).(PairOffer)
	joiner.mustCall(func(t Token) Event { return JoinPairing{t, offer.Code} })
}

// member makes a site a member as pairing does, without the air.
func (b *bench) member(owner, s *site) {
	b.t.Helper()
	raw, err := domain.NewJoinRequest(s.id, nil, seeded(1, "join"))
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := domain.ParseJoinRequest(raw)
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := owner.core.owner.Admit(req, b.now, seeded(2, "join"))
	if err != nil {
		b.t.Fatal(err)
	}
	s.secrets[SecretMembership] = m.Marshal()
	s.boot()
	for _, x := range b.sites {
		for _, y := range b.sites {
			if x != y && x.core.member != nil && y.core.member != nil {
				x.core.recordHeard(b.now, y.core.member.Record.Raw)
				x.core.settle(b.now)
			}
		}
	}
	b.settle()
}

func (s *site) state(raw []byte) State {
	if x := s.core.queue.bySum[sumOf(raw)]; x != nil && !x.fresh {
		return x.State
	}
	return 0
}

func (s *site) bodies() int { return len(s.disk[KindBody]) }

func text(n int) []byte {
	return []byte(strings.Repeat("the pass is closed, send the mules. ", n/36+1)[:n])
}

// noise is a payload that does not shrink.
func noise(n int) []byte {
	b := make([]byte, n)
	io.ReadFull(seeded(uint64(n), "noise"), b)
	return b
}
