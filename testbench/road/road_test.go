package road

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// nz915 is SF7/BW125 under NZ915, which knows no duty cycle.
var nz915 = phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

const (
	payload = 10_000
	burst   = 8 * time.Second // of airtime that may wait in a modem
)

var names = []string{"anna", "bert", "cleo"}

// village is a domain of three gateways that were paired once; each test goes on
// from a copy of their disks.
type village struct {
	estate *world.Estate
	dir    string
	at     time.Time
}

var paired = sync.OnceValues(func() (v village, err error) {
	if v.estate, err = world.NewEstate("valley", len(names)); err != nil {
		return v, err
	}
	if v.dir, err = os.MkdirTemp("", "packhorse-road"); err != nil {
		return v, err
	}
	w, err := world.New(config(1, len(names)))
	if err != nil {
		return v, err
	}
	nodes, err := w.Gateways(v.estate, v.dir, names...)
	if err != nil {
		return v, fmt.Errorf("%w\n%s", err, w.TraceText())
	}
	w.Run(10*time.Minute, nil)
	for _, n := range nodes {
		if err := n.Close(); err != nil {
			return v, err
		}
	}
	v.at = w.Now()
	return v, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if v, _ := paired(); v.dir != "" {
		os.RemoveAll(v.dir)
	}
	os.Exit(code)
}

func config(seed uint64, stations int) world.Config {
	return world.Config{Seed: seed, Stations: stations, Modulation: nz915, PowerDBm: 14, Burst: burst, Trace: true}
}

// road is a world of the first gateways of the village.
type road struct {
	*testing.T
	*world.World
	nodes []*world.GatewayNode
	air   time.Duration
	begun time.Time
}

// open boots n gateways from copies of their disks and lets them find each other.
func open(t *testing.T, seed uint64, n int, prepare func(*world.World)) *road {
	t.Helper()
	return openOver(t, config(seed, n), n, prepare)
}

// openOver is open with other radios.
func openOver(t *testing.T, cfg world.Config, n int, prepare func(*world.World)) *road {
	t.Helper()
	v, err := paired()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names[:n] {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(v.dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Start = v.at
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(w)
	}
	nodes, err := w.Boot(v.estate, dir, names[:n]...)
	if err != nil {
		t.Fatal(err)
	}
	r := &road{T: t, World: w, nodes: nodes}
	t.Cleanup(r.close)
	for i := 1; i < n; i++ {
		r.await(20*time.Minute, fmt.Sprintf("a session of %s and %s", names[i-1], names[i]), func() bool {
			return nodes[i-1].Hears(names[i]) && nodes[i].Hears(names[i-1])
		})
	}
	r.Run(5*time.Minute, nil)
	return r
}

func (r *road) close() {
	for _, n := range r.nodes {
		if err := n.Close(); err != nil {
			r.Error(err)
		}
	}
}

// await lets time pass until something is so, or fails.
func (r *road) await(limit time.Duration, what string, done func() bool) {
	r.Helper()
	if !r.World.Run(limit, done) {
		r.Fatalf("seed %d: no %s within %v:\n%s", r.Seed, what, limit, tail(r.TraceText(), 60))
	}
}

// Run hides testing's.
func (r *road) Run(d time.Duration, done func() bool) bool { return r.World.Run(d, done) }

// send starts the clock and sends content from the first gateway to the last.
func (r *road) send(content []byte) gateway.Parcel {
	r.Helper()
	r.air, r.begun = r.Airtime(), r.Now()
	p, err := r.nodes[0].Send(r.last().Name, content)
	if err != nil {
		r.Fatal(err)
	}
	return p
}

func (r *road) last() *world.GatewayNode { return r.nodes[len(r.nodes)-1] }

func (r *road) arrived() bool { return len(r.last().Delivered) > 0 }

// result is what one transfer cost.
type result struct {
	air, airParcel, time, timeParcel float64
	airtime, took                    time.Duration
}

// finish waits for delivery and for the receipt at the origin, and checks that there was one durable
// delivery of exactly what was sent.
func (r *road) finish(p gateway.Parcel, content []byte) result {
	r.Helper()
	r.await(6*time.Hour, "delivery", r.arrived)
	took := r.Now().Sub(r.begun)
	r.await(time.Hour, "receipt", func() bool { return r.nodes[0].Parcels[p.ID].State == gateway.Delivered })
	r.Run(2*time.Minute, nil)
	r.once(content)
	air := r.Airtime() - r.air
	res := result{airtime: air, took: took}
	res.air, res.time = r.Shares(len(content), air, took)
	res.airParcel, res.timeParcel = r.Shares(p.Size, air, took)
	return res
}

func (r *road) once(content []byte) {
	r.Helper()
	for key, n := range r.last().Delivered {
		got, err := r.last().Read(key)
		if n != 1 || err != nil || !bytes.Equal(got, content) {
			r.Errorf("seed %d: letter %s became durable %d times, %d octets, %v", r.Seed, key, n, len(got), err)
		}
	}
	if n := len(r.last().Delivered); n != 1 {
		r.Errorf("seed %d: %d letters", r.Seed, n)
	}
}

// letter is the content for a seed.
func letter(seed uint64) []byte {
	w, _ := world.New(world.Config{Seed: seed})
	b := make([]byte, payload)
	_, _ = w.Rand("letter").Read(b)
	return b
}

// tail is the end of a trace without the frames of bursts.
func tail(s string, lines int) string {
	all := bytes.Split([]byte(s), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// mean of results.
func mean(rs []result) (m result) {
	n := float64(len(rs))
	for _, r := range rs {
		m.air, m.airParcel, m.time, m.timeParcel = m.air+r.air/n, m.airParcel+r.airParcel/n, m.time+r.time/n, m.timeParcel+r.timeParcel/n
		m.airtime, m.took = m.airtime+r.airtime/time.Duration(len(rs)), m.took+r.took/time.Duration(len(rs))
	}
	return m
}
