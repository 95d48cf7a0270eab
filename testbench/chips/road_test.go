//go:build linux

package chips

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
	"packhorse/testbench/world"
)

const (
	payload = 10_000
	look    = 50 * time.Millisecond // how often a condition is tried
)

var names = []string{"anna", "bert", "cleo"}

// plan is what a road is made of: radios in a line, each of which hears only its neighbours.
type plan struct {
	seed  uint64
	kinds []kind
	loss  float64
	// plain: chips among themselves, with their own preamble of 8 symbols and without an RNode's octet.
	plain bool
}

func (p plan) String() string { return fmt.Sprintf("%v seed %d loss %g", p.kinds, p.seed, p.loss) }

func (p plan) modulation() phy.Modulation {
	if p.plain {
		return sf7
	}
	return phy.RNodeModulation(sf7)
}

// road is gateways on one air, in virtual time.
type road struct {
	*testing.T
	plan
	rig   *board.Rig
	air   *sim.Air
	nodes []*gateway
	from  time.Time     // of the letter
	spent time.Duration // of airtime before it
}

// lay makes the air and the gateways; prepare sees them before they start.
func lay(t *testing.T, p plan, dirs []string, prepare func(*sim.Air)) *road {
	t.Helper()
	cryptotest.SetGlobalRandom(t, p.seed)
	cfg := sim.Config{Seed: p.seed}
	for _, k := range p.kinds {
		cfg.Stations = append(cfg.Stations, k.station())
	}
	r := &road{T: t, plan: p}
	r.air = must[*sim.Air](t)(sim.New(cfg))
	prepare(r.air)
	r.rig = must[*board.Rig](t)(board.NewRig(r.air, ""))
	for i, k := range p.kinds {
		g := &gateway{t: t, name: names[i], seed: p.seed, dir: dirs[i], dirs: t.TempDir(), mod: p.modulation(), arrivals: map[string][]time.Time{}}
		g.seat = must[*seat](t)(sit(r.rig, k, i))
		if p.plain {
			g.seat.on = plain
		}
		r.nodes = append(r.nodes, g)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.rig.Run(ctx); close(ended) }()
	t.Cleanup(func() {
		for _, g := range r.nodes {
			g.end()
		}
		r.blameless()
		stop()
		<-ended
	})
	for _, g := range r.nodes {
		g.start()
	}
	return r
}

// blameless checks that no chip was mistreated.
func (r *road) blameless() {
	for _, g := range r.nodes {
		if g.seat.chip != nil && len(g.seat.chip.Violations()) > 0 {
			r.Errorf("%v: %s mistreats its chip: %v", r.plan, g.name, g.seat.chip.Violations())
		}
	}
}

// village is the disks of three gateways that were paired once.
var village struct {
	dir string
	at  time.Time
}

func TestMain(m *testing.M) {
	if what := os.Getenv(costOf); what != "" {
		if err := beMeasured(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if village.dir != "" {
		os.RemoveAll(village.dir)
	}
	os.Exit(code)
}

// found pairs the gateways of the village, over chips too, in a virtual time of its own.
func found(t *testing.T) {
	t.Helper()
	if village.dir != "" {
		return
	}
	dir := must[string](t)(os.MkdirTemp("", "packhorse-chips"))
	village.dir = dir
	var dirs []string
	for _, name := range names {
		dirs = append(dirs, filepath.Join(dir, name))
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(world.Epoch))
		r := lay(t, plan{seed: 1, kinds: []kind{sx1276, sx1262, sx1276}}, dirs, func(*sim.Air) {})
		ctx := t.Context()
		must[admin.Status](t)(r.nodes[0].api.Up(ctx, admin.Up{Region: region, Domain: "valley"}))
		for _, g := range r.nodes[1:] {
			must[admin.Status](t)(g.api.Up(ctx, admin.Up{Region: region}))
			offer := must[admin.PairOffer](t)(r.nodes[0].api.OpenPairing(ctx))
			must[admin.PairResult](t)(g.api.JoinPairing(ctx, offer.Code))
			must[admin.PairResult](t)(r.nodes[0].api.Pairing(ctx))
		}
		last := names[len(names)-1]
		r.await(20*time.Minute, "contact", func() bool {
			return slices.Contains(must[[]string](t)(r.nodes[0].api.Contacts(ctx)), last)
		})
		time.Sleep(10 * time.Minute)
		village.at = time.Now()
	})
}

// play lays a road in virtual time, from copies of the village's disks, and lets its gateways find each other before there
// is loss.
func play(t *testing.T, p plan, act func(r *road)) {
	t.Helper()
	found(t)
	dir := t.TempDir()
	var dirs []string
	for _, name := range names[:len(p.kinds)] {
		dirs = append(dirs, filepath.Join(dir, name))
		if err := copyDisk(filepath.Join(dir, name), filepath.Join(village.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(village.at))
		r := lay(t, p, dirs, (*sim.Air).Line)
		for i := range r.nodes[1:] {
			r.await(20*time.Minute, "session", func() bool { return r.nodes[i].hears(names[i+1]) && r.nodes[i+1].hears(names[i]) })
		}
		r.await(20*time.Minute, "way", func() bool { return r.nodes[0].reaches(r.last().name) && r.last().reaches(names[0]) })
		time.Sleep(5 * time.Minute)
		r.do(func() { r.air.SetLoss(p.loss) })
		act(r)
	})
}

func (r *road) last() *gateway { return r.nodes[len(r.nodes)-1] }

// do runs f on the goroutine that owns the air.
func (r *road) do(f func()) { r.rig.Do(context.Background(), func(time.Time) { f() }) }

// airtime of all so far.
func (r *road) airtime() (sum time.Duration) {
	r.do(func() {
		for i := range r.nodes {
			sum += r.air.Airtime(i)
		}
	})
	return sum
}

// await lets time pass until something is so, or fails.
func (r *road) await(limit time.Duration, what string, yes func() bool) {
	r.Helper()
	for end := time.Now().Add(limit); !yes(); time.Sleep(look) {
		if time.Now().After(end) {
			r.Fatalf("%v: no %s within %v", r.plan, what, limit)
		}
	}
}

// letter is the content for a seed.
func (p plan) letter(octets int) []byte {
	b := make([]byte, octets)
	_, _ = rand.NewChaCha8([32]byte{byte(p.seed), 1}).Read(b)
	return b
}

// send hands a letter to the first gateway for the last.
func (r *road) send(content []byte) admin.Parcel {
	r.Helper()
	r.spent, r.from = r.airtime(), time.Now()
	p := must[admin.Parcel](r.T)(r.nodes[0].api.Send(r.Context(), admin.Send{To: r.last().name, Type: "application/octet-stream", Priority: "message", Content: content}))
	if p.State != admin.Saved {
		r.Fatalf("%v: a letter that was just sent is %s, want saved", r.plan, p.State)
	}
	return p
}

// result is what one letter cost.
type result struct {
	air, time     float64
	airtime, took time.Duration
}

// finish waits for delivery and receipt, and checks that exactly what was sent is there, once.
func (r *road) finish(p admin.Parcel, content []byte) result {
	r.Helper()
	r.await(6*time.Hour, "letter", func() bool { return len(r.inbox()) > 0 })
	took := time.Since(r.from)
	synctest.Wait()
	for _, at := range r.last().arrivals {
		took = at[0].Sub(r.from)
	}
	r.await(time.Hour, "receipt", func() bool {
		return must[admin.Parcel](r.T)(r.nodes[0].api.Parcel(r.Context(), p.ID)).State == admin.Delivered
	})
	time.Sleep(2 * time.Minute)
	r.once(content)
	air := r.airtime() - r.spent
	limit := world.PHYLimit(sf7)
	return result{float64(len(content)) / air.Seconds() / limit, float64(len(content)) / took.Seconds() / limit, air, took}
}

func (r *road) inbox() []admin.Letter {
	r.Helper()
	return must[[]admin.Letter](r.T)(r.last().api.Inbox(r.Context()))
}

// once checks the inbox, and that no letter was told of twice.
func (r *road) once(content []byte) {
	r.Helper()
	in := r.inbox()
	if len(in) != 1 {
		r.Fatalf("%v: %d letters, want one", r.plan, len(in))
	}
	got := must[admin.Letter](r.T)(r.last().api.Read(r.Context(), in[0].ID))
	if !bytes.Equal(got.Content, content) {
		r.Errorf("%v: %d octets arrived, not the %d that were sent", r.plan, len(got.Content), len(content))
	}
	synctest.Wait()
	for id, at := range r.last().arrivals {
		if len(at) != 1 || id != in[0].ID {
			r.Errorf("%v: letter %s arrived %d times", r.plan, id, len(at))
		}
	}
	if q := must[[]admin.Parcel](r.T)(r.nodes[0].api.Queue(r.Context())); len(q) != 0 {
		r.Errorf("%v: after delivery the sender still has %+v", r.plan, q)
	}
}

// mean of results.
func mean(all []result) (m result) {
	n := len(all)
	for _, r := range all {
		m.air, m.time = m.air+r.air/float64(n), m.time+r.time/float64(n)
		m.airtime, m.took = m.airtime+r.airtime/time.Duration(n), m.took+r.took/time.Duration(n)
	}
	return m
}
