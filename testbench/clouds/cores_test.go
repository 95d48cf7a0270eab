package clouds

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/inet"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/registration"
	"packhorse/store"
)

// errDied says that a process was killed while it worked on something.
var errDied = errors.New("killed")

func seeded(name string, n int) *rand.ChaCha8 {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s %d", name, n)))
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// disk keeps what outlives a process, which may be killed at any batch: before it, or after.
type disk struct {
	records map[store.Kind]map[string][]byte
	secrets map[string][]byte
	luck    *rand.Rand
	odds    int // one batch of so many kills; 0: none
	deaths  int
}

func newDisk(name string) *disk {
	return &disk{records: map[store.Kind]map[string][]byte{}, secrets: map[string][]byte{}, luck: rand.New(seeded("luck "+name, 0))}
}

// apply tells whether the process lives on.
func (d *disk) apply(ops []store.Op) bool {
	dies := d.odds > 0 && d.luck.IntN(d.odds) == 0
	if dies {
		if d.deaths++; d.luck.IntN(2) == 0 {
			return false
		}
	}
	for _, op := range ops {
		if op.Delete {
			delete(d.records[op.Kind], op.Key)
			continue
		}
		if d.records[op.Kind] == nil {
			d.records[op.Kind] = map[string][]byte{}
		}
		d.records[op.Kind][op.Key] = slices.Clone(op.Value)
	}
	return !dies
}

func (d *disk) boot(kinds []store.Kind) (out []gateway.Record) {
	for _, k := range kinds {
		for _, key := range slices.Sorted(maps.Keys(d.records[k])) {
			out = append(out, gateway.Record{Kind: k, Key: key, Value: d.records[k][key]})
		}
	}
	return out
}

func (d *disk) get(k store.Kind, key string) ([]byte, error) {
	if v, ok := d.records[k][key]; ok {
		return slices.Clone(v), nil
	}
	return nil, store.ErrNotFound
}

// ground is a private gateway in a domain of its own.
type ground struct {
	t       testing.TB
	name    string
	now     *time.Time
	id      *domain.Identity
	core    *gateway.Core
	disk    *disk
	answers map[gateway.Token]gateway.Answer
	token   gateway.Token
	lives   int
	dead    bool
}

func newGround(t testing.TB, name string, now *time.Time) *ground {
	sum := sha256.Sum256([]byte(name))
	g := &ground{t: t, name: name, now: now, disk: newDisk(name)}
	g.id = &domain.Identity{Name: name, Sign: ed25519.NewKeyFromSeed(sum[:]), Static: sha256.Sum256(sum[:]), RSA: pkitest.Key(t, "ground "+name)}
	g.boot()
	owner := must[*domain.Owner](t)(domain.NewOwner(name, *now, seeded("owner "+name, 0)))
	g.must(func(t gateway.Token) gateway.Event { return gateway.Up{Token: t, Owner: owner} })
	return g
}

// boot makes the core from nothing but the disk.
func (g *ground) boot() {
	g.lives++
	g.dead, g.answers = false, map[gateway.Token]gateway.Answer{}
	cfg := gateway.Config{Identity: g.id, Clock: pki.ClockNTP, ClockKept: true, Rand: seeded(g.name, g.lives)}
	cfg.Steady = func(now time.Time) time.Duration { return now.Sub(pkitest.Now) }
	cfg.Endpoint = must[*endpoint.Endpoint](g.t)(endpoint.FromKey(pkitest.Key(g.t, "box "+g.name), cfg.Rand))
	if v := g.disk.secrets[gateway.SecretMembership]; v != nil {
		cfg.Membership = must[*domain.Membership](g.t)(domain.UnmarshalMembership(v))
		cfg.Owner = must[*domain.Owner](g.t)(domain.UnmarshalOwner(g.disk.secrets[gateway.SecretOwner]))
	}
	g.core = must[*gateway.Core](g.t)(gateway.New(cfg, g.disk.boot(gateway.BootKinds())))
}

// pass does what is due.
func (g *ground) pass() {
	g.core.HandleTimeout(*g.now)
	g.pump()
}

func (g *ground) pump() {
	for e, ok := g.core.PollEvent(); ok; e, ok = g.core.PollEvent() {
		switch e := e.(type) {
		case gateway.Persist:
			if !g.persist(e) {
				g.boot()
				g.dead = true
				return
			}
		case gateway.Load:
			v, err := g.disk.get(e.Kind, e.Key)
			g.core.HandleEvent(*g.now, gateway.Loaded{Kind: e.Kind, Key: e.Key, Value: v, Err: err})
		case gateway.Answer:
			g.answers[e.Token] = e
		}
	}
}

func (g *ground) persist(e gateway.Persist) bool {
	if !g.disk.apply(e.Ops) {
		return false
	}
	for _, s := range e.Secrets {
		g.disk.secrets[s.Name] = s.Value
	}
	g.core.HandleEvent(*g.now, gateway.Persisted{Seq: e.Seq})
	return true
}

// soon is how many milliseconds an answer may take: cargo is looked at in turns.
const soon = 1000

// call makes a request that is answered soon, or by a death.
func (g *ground) call(request func(gateway.Token) gateway.Event) (any, error) {
	g.t.Helper()
	g.token++
	g.dead = false
	g.core.HandleEvent(*g.now, request(g.token))
	g.pump()
	a, ok := g.answers[g.token]
	for n := 0; !ok && !g.dead && n < soon; n++ {
		*g.now = g.now.Add(time.Millisecond)
		g.pass()
		a, ok = g.answers[g.token]
	}
	delete(g.answers, g.token)
	switch {
	case g.dead:
		return nil, errDied
	case !ok:
		g.t.Fatalf("%s: no answer to %T", g.name, request(0))
	}
	return a.Value, a.Err
}

func (g *ground) must(request func(gateway.Token) gateway.Event) any {
	g.t.Helper()
	return must[any](g.t)(g.call(request))
}

// tell passes an event that has no answer.
func (g *ground) tell(e gateway.Event) {
	g.core.HandleEvent(*g.now, e)
	g.pump()
}

// sub is a number for a subscription.
func (g *ground) sub() uint64 {
	g.token++
	return uint64(g.token)
}

// cloud is an Internet gateway.
type cloud struct {
	t       testing.TB
	address string
	now     *time.Time
	core    *inet.Core
	disk    *disk
	answers map[inet.Token]inet.Answer
	token   inet.Token
	lives   int
	dead    bool
}

func newCloud(t testing.TB, address string, now *time.Time) *cloud {
	c := &cloud{t: t, address: address, now: now, disk: newDisk(address)}
	c.boot()
	return c
}

func (c *cloud) boot() {
	c.lives++
	c.dead, c.answers = false, map[inet.Token]inet.Answer{}
	cfg := inet.Config{Address: c.address, Key: pkitest.Key(c.t, "cloud "+c.address), Clock: pki.ClockNTP, Rand: seeded(c.address, c.lives)}
	c.core = must[*inet.Core](c.t)(inet.New(cfg, c.disk.boot(inet.BootKinds())))
	c.pass()
}

func (c *cloud) pass() {
	c.core.HandleTimeout(*c.now)
	c.pump()
}

func (c *cloud) pump() {
	for e, ok := c.core.PollEvent(); ok; e, ok = c.core.PollEvent() {
		switch e := e.(type) {
		case inet.Persist:
			if !c.disk.apply(e.Ops) {
				c.boot()
				c.dead = true
				return
			}
			c.core.HandleEvent(*c.now, inet.Persisted{Seq: e.Seq})
		case inet.Load:
			v, err := c.disk.get(e.Kind, e.Key)
			c.core.HandleEvent(*c.now, inet.Loaded{Kind: e.Kind, Key: e.Key, Value: v, Err: err})
		case inet.Answer:
			c.answers[e.Token] = e
		}
	}
}

// begin makes a request; it may be answered later.
func (c *cloud) begin(request func(inet.Token) inet.Event) inet.Token {
	c.token++
	c.dead = false
	c.core.HandleEvent(*c.now, request(c.token))
	c.pump()
	return c.token
}

func (c *cloud) answer(t inet.Token) (a inet.Answer, ok bool) {
	a, ok = c.answers[t]
	delete(c.answers, t)
	return a, ok
}

func (c *cloud) call(request func(inet.Token) inet.Event) (any, error) {
	c.t.Helper()
	t := c.begin(request)
	a, ok := c.answer(t)
	for n := 0; !ok && !c.dead && n < soon; n++ {
		*c.now = c.now.Add(time.Millisecond)
		c.pass()
		a, ok = c.answer(t)
	}
	switch {
	case c.dead:
		return nil, errDied
	case !ok:
		c.t.Fatalf("%s: no answer to %T", c.address, request(0))
	}
	return a.Value, a.Err
}

func (c *cloud) sub() uint64 {
	c.token++
	return uint64(c.token)
}

// enrol registers a private gateway as PoWeb does.
func (c *cloud) enrol(g *ground) error {
	pnr, err := enrolWith(g.id.RSA, seeded("pnrr "+g.name, int(g.token)), func(digest [32]byte) ([]byte, error) { return c.core.PreRegister(*c.now, digest) },
		func(pnrr []byte) (any, error) {
			return c.call(func(t inet.Token) inet.Event { return inet.Register{Token: t, PNRR: pnrr} })
		})
	if err != nil {
		return err
	}
	_, err = g.call(func(t gateway.Token) gateway.Event {
		return gateway.Registered{Token: t, Address: c.address, PNR: pnr}
	})
	return err
}

// enrolWith is the client's side of a registration.
func enrolWith(key *rsa.PrivateKey, random io.Reader, ask func([32]byte) ([]byte, error), register func([]byte) (any, error)) ([]byte, error) {
	spki, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		return nil, err
	}
	pnra, err := ask(sha256.Sum256(spki))
	if err != nil {
		return nil, err
	}
	pnrr, err := registration.NewRequest(pnra, key, random)
	if err != nil {
		return nil, err
	}
	v, err := register(pnrr)
	pnr, _ := v.([]byte)
	return pnr, err
}
