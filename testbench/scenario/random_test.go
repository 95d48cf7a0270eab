package scenario

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Plays by chance: gateways are killed, radios and wires cut, letters sent, in any order. In the end all is well
// again, and then every letter must have been delivered, durably and once.
const (
	plays     = 40
	soakPlays = 1000
	acts      = 14
)

func TestRandomPlays(t *testing.T) {
	n := plays
	if testing.Short() {
		n = 4
	}
	randomPlays(t, n)
}

func TestSoakRandomPlays(t *testing.T) {
	if os.Getenv("PACKHORSE_SOAK") == "" {
		t.Log("no random play was run: set PACKHORSE_SOAK=1, or to how many")
		return
	}
	n := soakPlays
	if v, err := strconv.Atoi(os.Getenv("PACKHORSE_SOAK")); err == nil && v > 1 {
		n = v
	}
	randomPlays(t, n)
}

func randomPlays(t *testing.T, n int) {
	keys := &Keyring{}
	for seed := range uint64(n) {
		text := randomPlay(seed)
		s, err := Parse("random.txt", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		dir := t.TempDir()
		r, err := Run(t.Context(), s, Options{Dir: dir, Keys: keys})
		if err != nil {
			t.Errorf("seed %d: %v\nreplay: packhorse sim run FILE, with this in FILE:\n%s\n%s", seed, err, text, tail(r.Trace))
		}
		if err := os.RemoveAll(dir); err != nil { // a thousand stores are too many to keep to the end
			t.Fatal(err)
		}
	}
}

// chance writes a play.
type chance struct {
	*rand.Rand
	strings.Builder
	nodes   []string
	stopped map[string]bool
	cut     map[string]bool
	wires   map[string]bool // true: up
	sent    int
}

func (c *chance) say(format string, v ...any) { fmt.Fprintf(c, format+"\n", v...) }
func (c *chance) one(of []string) string      { return of[c.IntN(len(of))] }

// two draws two different nodes, in the order of their names.
func (c *chance) two() string {
	i := c.IntN(len(c.nodes) - 1)
	return c.nodes[i] + " " + c.nodes[i+1+c.IntN(len(c.nodes)-1-i)]
}

func randomPlay(seed uint64) string {
	c := &chance{Rand: rand.New(rand.NewPCG(seed, 41)), stopped: map[string]bool{}, cut: map[string]bool{}, wires: map[string]bool{}}
	c.nodes = []string{"a", "b", "c", "d"}[:3+c.IntN(2)]
	c.say("world seed=%d region=NZ915 loss=%d%%", seed+1, 10*c.IntN(3))
	c.say("node %s\nup a domain=ridge", strings.Join(c.nodes, " "))
	for _, n := range c.nodes[1:] {
		c.say("pair %s a\nrun 2m", n)
	}
	c.say("contact b c\ncontact c b\nrun 5m")
	for range acts {
		c.act()
		c.say("run %ds", 1+c.IntN(1+c.IntN(1800)))
	}
	c.mend()
	c.say("run until settled within=72h\ncheck")
	return c.String()
}

// act is one thing that happens.
func (c *chance) act() {
	switch k := c.IntN(10); {
	case k < 4:
		c.send()
	case k < 6:
		if pair := c.two(); c.cut[pair] {
			c.say("restore %s", pair)
			delete(c.cut, pair)
		} else {
			c.say("cut %s", pair)
			c.cut[pair] = true
		}
	case k < 8:
		if n := c.one(c.nodes); c.stopped[n] {
			c.say("start %s", n)
			delete(c.stopped, n)
		} else {
			c.say("stop %s", n)
			c.stopped[n] = true
		}
	default:
		if pair := c.two(); c.wires[pair] {
			c.say("unwire %s", pair)
			c.wires[pair] = false
		} else {
			c.say("wire %s loss=%d%%", pair, 5*c.IntN(3))
			c.wires[pair] = true
		}
	}
}

func (c *chance) send() {
	routes := []string{"a b", "b a", "a c", "c a", "b c", "c b"}
	if len(c.nodes) > 3 {
		routes = append(routes, "a d", "d a")
	}
	r := c.one(routes)
	if c.stopped[r[:1]] {
		return
	}
	what := fmt.Sprintf("%q", fmt.Sprint("letter ", c.sent))
	if c.sent++; c.IntN(2) == 0 {
		what = fmt.Sprintf("file=%dB", 200+c.IntN(1+c.IntN(40_000)))
	}
	c.say("send %s %s", r, what)
}

// mend makes all well again.
func (c *chance) mend() {
	for _, n := range c.nodes {
		if c.stopped[n] {
			c.say("start %s", n)
		}
	}
	var pairs []string
	for pair := range c.cut {
		pairs = append(pairs, pair)
	}
	slices.Sort(pairs)
	for _, pair := range pairs {
		c.say("restore %s", pair)
	}
}
