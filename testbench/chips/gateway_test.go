//go:build linux

package chips

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/store"
)

const region = "NZ915"

// gateway is a whole one with one radio, in one life after the other.
type gateway struct {
	t     *testing.T
	name  string
	seed  uint64
	dir   string // the state directory of this life
	dirs  string // of all lives
	lives int
	seat  *seat
	mod   phy.Modulation

	api   admin.Backend
	stop  context.CancelFunc
	ended chan error
	heard chan struct{} // the events of this life have been read
	// arrivals are when letters arrived here, by id, over all lives. Only when no goroutine runs.
	arrivals map[string][]time.Time
}

// chance is a source for one purpose of one life.
func (g *gateway) chance(what string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %s", g.name, g.lives, what)
	return rand.New(rand.NewPCG(g.seed, h.Sum64()))
}

// start begins a life.
func (g *gateway) start() {
	g.t.Helper()
	g.lives++
	n, err := node.Open(node.Config{Name: g.name, StateDir: g.dir, Transports: g.transports, Store: store.Options{Reserve: -1}})
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.api, g.stop, g.ended, g.heard = n.API(), cancel, make(chan error, 1), make(chan struct{})
	events, err := g.api.Events(ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	go g.listen(events)
	go func() { g.ended <- n.Run(ctx) }()
}

func (g *gateway) listen(events <-chan admin.Event) {
	defer close(g.heard)
	for e := range events {
		if e.Letter != nil {
			g.arrivals[e.Letter.ID] = append(g.arrivals[e.Letter.ID], e.At)
		}
	}
}

func (g *gateway) transports(i node.Info) ([]port.Transport, error) {
	if i.Region == "" {
		return nil, nil
	}
	r, err := phy.LookupRegion(i.Region)
	if err != nil {
		return nil, err
	}
	rule, err := r.Rule(g.mod, phy.Power{ConductedDBm: 14, AntennaDBi: phy.DipoleDBi})
	if err != nil {
		return nil, err
	}
	nibbles := g.chance("nibbles")
	t, err := port.NewRadio(port.RadioSpec{Name: "lora0", Modulation: g.mod, PowerDBm: 14, Rule: rule, Rand: g.chance("access"),
		Open: func(ctx context.Context) (radio.Radio, error) { return g.seat.open(ctx, nibbles) }})
	return []port.Transport{t}, err
}

// end stops the gateway in order. It may be called again.
func (g *gateway) end() {
	g.t.Helper()
	if g.api == nil {
		return
	}
	g.stop()
	if err := <-g.ended; err != nil {
		g.t.Errorf("%s ended with %v", g.name, err)
	}
	<-g.heard
	g.api = nil
}

// kill ends the gateway as SIGKILL does: nothing of what it does from now on reaches its disk or its radio, which goes on
// with what it was told.
func (g *gateway) kill() {
	g.t.Helper()
	synctest.Wait()
	left := filepath.Join(g.dirs, fmt.Sprint("after life ", g.lives))
	if err := copyDisk(left, g.dir); err != nil {
		g.t.Fatal(err)
	}
	g.seat.takeAway()
	g.end()
	g.dir = left
}

// peer is what this gateway knows of another.
func (g *gateway) peer(name string) (p admin.PeerInfo) {
	g.t.Helper()
	s, err := g.api.Status(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	for _, p := range s.Peers {
		if p.Name == name {
			return p
		}
	}
	return p
}

// hears tells whether there is a session with a neighbour.
func (g *gateway) hears(name string) bool { return len(g.peer(name).Ports) > 0 }

// reaches tells whether there is a way to another gateway.
func (g *gateway) reaches(name string) bool {
	p := g.peer(name)
	return p.Path != "" && p.Path != "none"
}

// must fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
