//go:build linux

package real

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/admin"
)

// limit bounds a test, whatever hangs.
const limit = 10 * time.Minute

var names = []string{"anna", "bert", "cleo"}

// village is gateways in a line, in a domain, on one air.
type village struct {
	t     *testing.T
	dir   string
	air   *air
	nodes []*gateway
}

// plan is what a village is made of.
type plan struct {
	gateways int
	loss     float64
	seed     uint64
	byInvite bool           // pair by the scanned text instead of the typed code
	disk     func(*gateway) // prepares its directory, if anything
}

// Pairing takes place at a table, on a channel four times as wide as the one that is measured. There radios stay on
// their setting; wild ones are slow, and may choose.
const (
	table    = "bandwidth_hz = 500000\nspreading_factor = 7\nrates = \"off\"\n"
	measured = "bandwidth_hz = 125000\nspreading_factor = 7\nrates = \"off\"\n"
	wild     = "bandwidth_hz = 125000\nspreading_factor = 9\n"
)

// settle starts gateways within earshot of each other, gives them region and domain, pairs
// each with the first, carries them to their places in a line, and waits until the first
// may write to the last and has a way to it.
func settle(t *testing.T, p plan) *village {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	// A socket's path may be at most 107 octets long.
	dir, err := os.MkdirTemp("", "ph")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	v := &village{t: t, dir: dir, air: newAir(t, dir, p.gateways, p.seed)}
	for i, name := range names[:p.gateways] {
		g := newGateway(t, ctx, dir, name, v.air.port(i))
		if p.disk != nil {
			p.disk(g)
		}
		g.configure(table)
		g.boot()
		v.nodes = append(v.nodes, g)
		if i == 0 {
			ask[admin.Status](g, "up", "--region", "NZ915", "--domain", "valley")
			continue
		}
		ask[admin.Status](g, "up", "--region", "NZ915")
		pair(v.nodes[0], g, p.byInvite)
	}
	v.first().until("contact", func() bool {
		return slices.Contains(ask[admin.ContactsReply](v.first(), "contact", "list").Contacts, v.last().name)
	})
	v.quiet()
	v.spread()
	v.first().until("way to the last gateway", func() bool { return v.first().peer(v.last().name).Path != "none" })
	v.quiet()
	v.still()
	v.air.tell(fmt.Sprintf("loss %g", p.loss))
	return v
}

// spread takes gateways out of range of all but their neighbours, while they are off.
func (v *village) spread() {
	for _, g := range v.nodes {
		g.stop()
	}
	for b := range v.nodes {
		for a := range b - 1 {
			v.air.tell(fmt.Sprintf("cut %d-%d", a, b))
		}
	}
	for _, g := range v.nodes {
		g.configure(measured)
		g.boot()
	}
}

func (v *village) first() *gateway { return v.nodes[0] }
func (v *village) last() *gateway  { return v.nodes[len(v.nodes)-1] }

// quiet waits until nobody has anything to carry.
func (v *village) quiet() {
	v.t.Helper()
	for _, g := range v.nodes {
		g.until("empty queue", func() bool { return g.status().Queue.Parcels == 0 })
	}
}

// stillness is how long nobody sends once all have told each other what they know; beacons
// are rarer then.
const stillness = 6 * time.Second

// still waits until nothing has been in the air for that long.
func (v *village) still() {
	v.t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last, since := v.air.spent(), time.Now()
	for time.Since(since) < stillness {
		select {
		case <-v.first().ctx.Done():
			v.t.Fatal("the air did not become still in time")
		case <-tick.C:
		}
		if now := v.air.spent(); now != last {
			last, since = now, time.Now()
		}
	}
}

// pair lets joiner into host's domain with two commands, as two people do.
func pair(host, joiner *gateway, byInvite bool) {
	host.t.Helper()
	c := newProcess(host.t, "pair-"+joiner.name, filepath.Dir(host.dir))
	out, _ := c.start("--json", "--config", host.config, "pair")
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	var offer admin.PairOfferReply
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &offer) != nil || offer.Code == "" {
		host.t.Fatalf("pair said %q", lines.Text())
	}
	word := offer.Code
	if byInvite {
		word = offer.Invite
	}
	joined := ask[admin.PairResultReply](joiner, "pair", word)
	var let admin.PairResultReply
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &let) != nil || let.Peer != joiner.name || joined.Peer != host.name || joined.Domain != "valley" {
		host.t.Fatalf("%s let in %+v (%q), %s joined %+v", host.name, let.PairResult, lines.Text(), joiner.name, joined.PairResult)
	}
	<-c.ended
	c.cmd = nil
	if c.err != nil {
		host.t.Errorf("pair ended with %v", c.err)
	}
}

// letter is a file of random octets, the same for the same seed.
func (v *village) letter(seed uint64, octets int) (path string, content []byte) {
	v.t.Helper()
	content = make([]byte, octets)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	path = filepath.Join(v.t.TempDir(), "letter.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		v.t.Fatal(err)
	}
	return path, content
}

// sent is a letter on its way.
type sent struct {
	admin.Parcel
	content []byte
	from    time.Time
	air     use // before
	arrived chan time.Time
}

// send hands a file to the first gateway, for the last, and watches for it there.
func (v *village) send(seed uint64, octets int) *sent {
	v.t.Helper()
	path, content := v.letter(seed, octets)
	s := &sent{content: content, arrived: make(chan time.Time, 1)}
	events, err := v.last().api.Events(v.last().ctx)
	if err != nil {
		v.t.Fatal(err)
	}
	go func() {
		for e := range events {
			if e.Letter != nil {
				s.arrived <- e.At
				return
			}
		}
	}()
	s.air, s.from = v.air.spent(), time.Now()
	s.Parcel = ask[admin.ParcelReply](v.first(), "send", v.last().name, "--file", path).Parcel
	if s.State != admin.Saved {
		v.t.Fatalf("a letter that was just sent is %s, want saved", s.State)
	}
	return s
}

// spent waits until all radios together have used some airtime for a letter.
func (v *village) spent(s *sent, airtime time.Duration) {
	v.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for v.air.airtime()-s.air.airtime < airtime {
		select {
		case <-v.first().ctx.Done():
			v.t.Fatalf("%v of airtime were not spent in time", airtime)
		case <-tick.C:
		}
	}
	if len(s.arrived) > 0 {
		v.t.Fatalf("the letter had arrived when %v of airtime were spent", airtime)
	}
}

// delivered waits until the sender has the receipt, and checks that the recipient has
// exactly one letter more than before, with just that content.
func (v *village) delivered(s *sent, before int) {
	v.t.Helper()
	v.first().until("receipt for "+s.ID, func() bool {
		p, err := v.first().api.Parcel(v.first().ctx, s.ID)
		return err == nil && p.State == admin.Delivered
	})
	in := ask[admin.InboxReply](v.last(), "inbox").Letters
	if len(in) != before+1 {
		v.t.Fatalf("%d letters in the inbox, want %d: %+v", len(in), before+1, in)
	}
	got := v.last().read(in[0].ID)
	if !bytes.Equal(got, s.content) {
		v.t.Errorf("%d octets arrived, not the %d that left", len(got), len(s.content))
	}
}

// read saves a letter to a file and answers what is in it.
func (g *gateway) read(id string) []byte {
	g.t.Helper()
	path := filepath.Join(g.t.TempDir(), "read.bin")
	ask[struct{ Path string }](g, "inbox", "read", id, "--save", path)
	b, err := os.ReadFile(path)
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}
