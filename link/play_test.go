package link_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"packhorse/link"
	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// A play is a text file: what happens to some links, and below each command every frame that was on the air
// meanwhile. Lines that begin with # say why; indented ones are expected. Words:
//
//	world [seed=N] [sf=7] [bw=125] [loss=10%] [modems=rnode|chip] [law=EU868] [ladder=yes]   first
//	node A B C             members of one domain, with a radio each
//	apart A B              these two never hear each other
//	loss A B 30%           of packets between these two, both ways
//	cut A B, mend A B      the radio path
//	wire A B               a datagram connection; unwire A B
//	send A B NAME SIZE [emergency|message|bulk]   a body; the same name is the same body
//	sendall A NAME SIZE    to all others at once
//	withdraw A B NAME
//	refuse A NAME SIZE [malformed]   turn this body away
//	welcome A NAME         and take it from now on
//	lie A NAME N           octet N of this body, which A is sending, is false from now on
//	lose N A [WORD]        the next N frames of A (that hold the word) get lost
//	stop A, start A        as a kill leaves it
//	worn A                 its keys are old
//	quiet TIME             let time pass and show nothing
//	run TIME
//	run until [A has NAME | A gave NAME | A refused NAME | A hears B] [and ...] [within TIME]
type play struct {
	t    *testing.T
	file string
	out  *strings.Builder

	*world.World
	cfg     world.Config
	nodes   map[string]*world.LinkNode
	names   []string
	readers map[*world.Node]*link.Reader
	read    map[string][2]string // of frames that are not on the air yet
	bodies  map[string][]byte
	wires   map[string]*world.Wire
	turned  map[string]map[link.Digest]link.Reason
	lose    map[string]*losing
	silent  bool
	watch   func(world.OnAir) // sees frames besides; may be nil
}

type losing struct {
	n    int
	word string
}

var rewrite = flag.Bool("rewrite", false, "write what the plays show into their files")

// limit is how long a play waits for what it waits for.
const limit = time.Hour

// commands are the lines of a play without what is expected.
func commands(text string) (lines []string) {
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if !strings.HasPrefix(l, "\t") {
			lines = append(lines, l)
		}
	}
	return lines
}

func TestPlays(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "plays", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no plays: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { golden(t, f) })
	}
}

func golden(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := newPlay(t, file).perform(string(text))
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(text) {
		t.Errorf("%s: %s\nif it is right: go test ./link -run=Plays -rewrite, and look at the difference", file, firstDifference(got, string(text)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], strings.Join(w[min(i, len(w)):min(i+1, len(w))], ""))
		}
	}
	return fmt.Sprintf("%d lines are missing", len(w)-len(g))
}

func newPlay(t *testing.T, file string) *play {
	return &play{t: t, file: file, out: &strings.Builder{}, nodes: map[string]*world.LinkNode{},
		readers: map[*world.Node]*link.Reader{}, read: map[string][2]string{}, bodies: map[string][]byte{}, wires: map[string]*world.Wire{},
		turned: map[string]map[link.Digest]link.Reason{}, lose: map[string]*losing{}}
}

// perform plays a text and answers it with what was seen.
func (p *play) perform(text string) string {
	for _, l := range commands(text) {
		fmt.Fprintln(p.out, l)
		words := strings.Fields(l)
		if len(words) == 0 || strings.HasPrefix(l, "#") {
			continue
		}
		if err := p.do(words[0], words[1:]); err != nil {
			p.t.Errorf("%s: %s: %v", p.file, l, err)
			return p.out.String()
		}
	}
	return p.out.String()
}

func (p *play) do(verb string, args []string) error {
	verbs := map[string]struct {
		least int
		do    func([]string) error
	}{
		"world": {0, p.world}, "node": {2, p.node}, "apart": {2, p.apart}, "loss": {3, p.loss}, "cut": {2, p.cutting(true)}, "mend": {2, p.cutting(false)},
		"wire": {2, p.wire}, "unwire": {2, p.unwire}, "send": {4, p.send}, "sendall": {3, p.sendAll}, "withdraw": {3, p.withdraw}, "refuse": {3, p.refuse},
		"welcome": {2, p.welcome}, "lie": {3, p.lie},
		"lose": {2, p.losing}, "stop": {1, p.stop}, "start": {1, p.start}, "worn": {1, p.worn}, "quiet": {1, p.quiet}, "run": {1, p.run},
	}
	v, ok := verbs[verb]
	if !ok || len(args) < v.least {
		return fmt.Errorf("no such command: %s with %d words", verb, len(args))
	}
	return v.do(args)
}

// options are words of the form key=value.
func options(args []string) map[string]string {
	o := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		o[k] = v
	}
	return o
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

func percent(s string) float64 { return float64(number(strings.TrimSuffix(s, "%"), 0)) / 100 }

func (p *play) world(args []string) error {
	o := options(args)
	m := phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: uint32(number(o["bw"], 125)) * 1000, SpreadingFactor: uint8(number(o["sf"], 7)), CodingRate: 5, PreambleSymbols: 8}
	p.cfg = world.Config{Seed: uint64(number(o["seed"], 1)), Loss: percent(o["loss"]), PowerDBm: 14, Burst: 8 * time.Second}
	law := cmp.Or(o["law"], "NZ915")
	if law == "EU868" {
		m.FrequencyHz = 869_525_000
	}
	region, err := phy.LookupRegion(law)
	if err != nil {
		return err
	}
	if p.cfg.Rule, err = region.Rule(m, phy.Power{ConductedDBm: 14}); err != nil {
		return err
	}
	p.cfg.Modulation = m
	if o["modems"] == "chip" {
		p.cfg.Bare = func(int) bool { return true }
	}
	if o["ladder"] != "" {
		p.cfg.Ladder = phy.Ladder(region, m, phy.Power{ConductedDBm: 14}, true)
	}
	p.cfg.Watch = world.Watch{Taken: p.taken, Left: p.left, Lose: p.loses}
	return nil
}

func (p *play) node(names []string) error {
	p.cfg.Stations, p.names = len(names), names
	var err error
	if p.World, err = world.New(p.cfg); err != nil {
		return err
	}
	for _, n := range names {
		p.turned[n], p.lose[n] = map[link.Digest]link.Reason{}, &losing{}
	}
	nodes, err := p.LinkNodes(names...)
	for i, n := range nodes {
		p.nodes[names[i]] = n
		n.Watch = func(e link.Event) { p.event(n, e) }
		n.Turns = func(it link.Item) link.Reason { return p.turned[n.Name][it.Digest] }
	}
	return err
}

func (p *play) index(name string) int { return slices.Index(p.names, name) }

func (p *play) apart(args []string) error {
	p.Air.SetLink(p.index(args[0]), p.index(args[1]), math.Inf(1))
	return nil
}

func (p *play) loss(args []string) error {
	p.Air.SetLinkLoss(p.index(args[0]), p.index(args[1]), percent(args[2]))
	return nil
}

func (p *play) cutting(cut bool) func([]string) error {
	return func(args []string) error {
		p.Air.Cut(p.index(args[0]), p.index(args[1]), cut)
		return nil
	}
}

func (p *play) wire(args []string) error {
	key := args[0] + args[1]
	if p.wires[key] == nil {
		p.wires[key] = p.Join(p.nodes[args[0]].Node, p.nodes[args[1]].Node, 20*time.Millisecond)
	}
	p.wires[key].Up()
	return nil
}

func (p *play) unwire(args []string) error {
	p.wires[args[0]+args[1]].Down()
	return nil
}

// body makes the octets of a name.
func (p *play) body(name, size string) []byte {
	if b, ok := p.bodies[name]; ok {
		return b
	}
	n, kilo := strings.CutSuffix(size, "kB")
	octets := number(n, 1)
	if kilo {
		octets *= 1000
	}
	b := make([]byte, octets)
	r := rand.New(rand.NewPCG(uint64(len(p.bodies)+1), p.cfg.Seed))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	p.bodies[name] = b
	return b
}

func priority(words []string) link.Priority {
	for _, w := range words {
		switch w {
		case "emergency":
			return link.Emergency
		case "bulk":
			return link.Bulk
		}
	}
	return link.Message
}

func (p *play) send(args []string) error {
	p.nodes[args[0]].Submit(p.nodes[args[1]], 1, priority(args[4:]), p.body(args[2], args[3]))
	return nil
}

func (p *play) sendAll(args []string) error {
	var to []*world.LinkNode
	for _, n := range p.names {
		if n != args[0] {
			to = append(to, p.nodes[n])
		}
	}
	p.nodes[args[0]].SubmitAll(to, 1, priority(args[3:]), p.body(args[1], args[2]))
	return nil
}

func (p *play) withdraw(args []string) error {
	p.nodes[args[0]].Withdraw(p.nodes[args[1]], link.DigestOf(1, p.bodies[args[2]]))
	return nil
}

func (p *play) refuse(args []string) error {
	reason := link.ReasonUnauthorised
	if slices.Contains(args[3:], "malformed") {
		reason = link.ReasonMalformed
	}
	p.turned[args[0]][link.DigestOf(1, p.body(args[1], args[2]))] = reason
	return nil
}

func (p *play) welcome(args []string) error {
	delete(p.turned[args[0]], link.DigestOf(1, p.bodies[args[1]]))
	return nil
}

func (p *play) lie(args []string) error {
	if !link.Falsify(p.nodes[args[0]].Link(), link.DigestOf(1, p.bodies[args[1]]), number(args[2], 0)) {
		return fmt.Errorf("%s does not send %s yet", args[0], args[1])
	}
	return nil
}

func (p *play) losing(args []string) error {
	*p.lose[args[1]] = losing{number(args[0], 1), strings.Join(args[2:], " ")}
	return nil
}

func (p *play) stop(args []string) error {
	p.nodes[args[0]].Stop()
	return nil
}

func (p *play) start(args []string) error { return p.nodes[args[0]].Start() }

func (p *play) worn(args []string) error {
	link.WearOut(p.nodes[args[0]].Link(), p.Now())
	return nil
}

func (p *play) quiet(args []string) error {
	p.silent = true
	err := p.run(args)
	p.silent = false
	return err
}

func (p *play) run(args []string) error {
	if args[0] != "until" {
		d, err := time.ParseDuration(args[0])
		if err == nil {
			p.Run(d, nil)
		}
		return err
	}
	within := limit
	if n := len(args); args[n-2] == "within" {
		var err error
		if within, err = time.ParseDuration(args[n-1]); err != nil {
			return err
		}
		args = args[:n-2]
	}
	var all []func() bool
	for _, c := range strings.Split(strings.Join(args[1:], " "), " and ") {
		f, err := p.condition(strings.Fields(c))
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	if !p.Run(within, func() bool { return !slices.ContainsFunc(all, func(f func() bool) bool { return !f() }) }) {
		return fmt.Errorf("not within %v", within)
	}
	return nil
}

func (p *play) condition(c []string) (func() bool, error) {
	if len(c) != 3 || p.nodes[c[0]] == nil {
		return nil, fmt.Errorf("no such condition: %v", c)
	}
	n, d := p.nodes[c[0]], link.DigestOf(1, p.bodies[c[2]])
	switch c[1] {
	case "has":
		return func() bool { _, ok := n.Delivered[d]; return ok }, nil
	case "gave":
		return func() bool { _, ok := n.Custody[d]; return ok }, nil
	case "refused":
		return func() bool { _, ok := n.Refused[d]; return ok }, nil
	case "hears":
		return func() bool { return n.Peers[p.nodes[c[2]].Member.ID] }, nil
	}
	return nil, fmt.Errorf("no such condition: %v", c)
}

// taken reads a frame while its sender knows the keys.
func (p *play) taken(n *world.Node, _ link.Port, frame []byte) {
	r := p.readers[n]
	core := p.nodes[n.Name]
	if core == nil {
		return
	}
	if r == nil || r.Core != core.Link() {
		r = &link.Reader{Core: core.Link(), Body: p.bodyName, Gateway: p.gatewayName}
		p.readers[n] = r
	}
	to, what := r.Read(frame)
	p.read[n.Name+string(frame)] = [2]string{to, what}
}

func (p *play) bodyName(d link.Digest) string {
	for _, name := range slices.Sorted(maps.Keys(p.bodies)) {
		if link.DigestOf(1, p.bodies[name]) == d {
			return name
		}
	}
	return d.String()
}

func (p *play) gatewayName(id link.PeerID) string {
	for name, n := range p.nodes {
		if n.Member.ID == id {
			return name
		}
	}
	return id.String()
}

// loses takes the next frames of a node from everyone.
func (p *play) loses(from, _ *world.Node, frame []byte) bool {
	l := p.lose[from.Name]
	return l.n > 0 && strings.Contains(p.read[from.Name+string(frame)][1], l.word)
}

// left writes a line for a frame.
func (p *play) left(f world.OnAir) {
	if p.watch != nil {
		p.watch(f)
	}
	words := p.read[f.From.Name+string(f.Frame)]
	to, what := words[0], words[1]
	if l := p.lose[f.From.Name]; l != nil && l.n > 0 && strings.Contains(what, l.word) {
		l.n--
	}
	var missed []string
	for _, name := range p.names {
		n := p.nodes[name]
		if n != nil && n.Node != f.From && n.Running() && (to == name || to == "*") && !slices.Contains(f.Heard, n.Node) {
			missed = append(missed, name)
		}
	}
	if len(missed) > 0 {
		what += " -- lost at " + strings.Join(missed, " and ")
	}
	if f.Port > 1 {
		what += " -- by wire"
	}
	p.say(f.Start, "%s > %-2s %4d octets %7.1f ms  %s", f.From.Name, cmp.Or(to, "?"), len(f.Frame), f.End.Sub(f.Start).Seconds()*1000, what)
}

func (p *play) say(at time.Time, format string, args ...any) {
	if !p.silent {
		fmt.Fprintf(p.out, "\t%8.3f  %s\n", at.Sub(world.Epoch).Seconds(), fmt.Sprintf(format, args...))
	}
}

// event writes a line for what the gateway above hears.
func (p *play) event(n *world.LinkNode, e link.Event) {
	var what string
	switch e := e.(type) {
	case link.PeerUp:
		what = fmt.Sprintf("a session with %s", p.gatewayName(e.Peer))
		if e.Again {
			what += " in place of another"
		}
	case link.PeerDown:
		what = fmt.Sprintf("no session with %s: %s", p.gatewayName(e.Peer), e.Reason)
	case link.Received:
		what = "has " + p.bodyName(e.Item.Digest)
	case link.Custody:
		what = fmt.Sprintf("knows that %s has %s", p.gatewayName(e.Peer), p.bodyName(e.Digest))
	case link.Refused:
		what = fmt.Sprintf("hears that %s refused %s: %s", p.gatewayName(e.Peer), p.bodyName(e.Digest), link.ReasonName(e.Reason))
	case link.Shunned:
		what = fmt.Sprintf("begins nothing with %s until %.0f", p.gatewayName(e.Peer), e.Until.Sub(world.Epoch).Seconds())
	case link.Tune:
		what = fmt.Sprintf("changes to setting %d", e.Rate)
	default:
		return
	}
	p.say(p.Now(), "%s %s", n.Name, what)
}
