package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// faults are what a fake rig does wrong, or has not.
type faults struct {
	noPower, noFiles, noAttenuator, twoRadios, inDomain bool // lacks and extras
	dead                                                string
	slow                                                time.Duration // to be ready
	twice, damaged, lost, torn, loud, wrongLaw, sick    bool
	strong, deaf, panics                                bool
	pastNoise                                           bool // 20 dB more are 5 dB less
}

// fake is two gateways in memory, in the time of testing/synctest.
type fake struct {
	faults
	mu     sync.Mutex
	nodes  []*box
	loss   float64 // dB between them
	cut    bool    // they do not hear each other
	gone   float64 // probability for packets
	closed bool
	code   chan string // of an open pairing; closed when somebody has joined
}

// box is one of them.
type box struct {
	f              *fake
	i              int
	on, mute       bool // mute: its gateway hangs
	starts         int
	crash          error // it went off by itself, which the next Off tells
	region, domain string
	frames         uint64
	letters        []admin.Letter
	queue          map[string]time.Time // letters under way, and when their receipt is there
	ids            int
}

func newFake(x faults) *fake {
	f := &fake{faults: x, loss: 110}
	for i := range 2 {
		b := &box{f: f, i: i, queue: map[string]time.Time{}, on: x.noPower}
		if x.inDomain {
			b.region, b.domain = "NZ915", "valley"
		}
		f.nodes = append(f.nodes, b)
	}
	return f
}

func (f *fake) Nodes() (out []hil.Node) {
	for _, b := range f.nodes {
		if f.noFiles {
			out = append(out, typed{b})
		} else {
			out = append(out, full{typed{b}})
		}
	}
	return out
}

func (f *fake) Air() hil.Air { return air{f} }

func (f *fake) Identity() hil.Identity {
	return hil.Identity{Kind: "fake", Facts: map[string]string{"made": "up"}}
}

func (f *fake) Close() error { f.closed = true; return nil }

type air struct{ *fake }

func (air) Observes() {}

func (a air) Cut(_ context.Context, _, _ string, cut bool) error { a.cut = cut; return nil }
func (a air) Loss(_ context.Context, p float64) error            { a.gone = p; return nil }

func (a air) Attenuate(_ context.Context, _, _ string, dB float64) error {
	if a.noAttenuator {
		return &hil.Unable{What: "attenuate", Why: "the fake has no attenuator"}
	}
	a.loss = dB
	a.fake.loss = dB
	return nil
}

func (a air) Frames(_ context.Context, name string) (sent, received uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.nodes[strings.Index("ab", name)]
	b.frames++ // polls make time pass: whoever waits for frames gets them
	if b.region == "" && !a.loud {
		b.frames = 0
	}
	received = b.frames
	if a.deaf {
		received = 0
	}
	return b.frames, received, nil
}

// typed is a node without stdin.
type typed struct{ *box }

func (n typed) Name() string          { return "ab"[n.i : n.i+1] }
func (n typed) Console() *hil.Console { return nil }

func (n typed) Power() hil.Power {
	if n.f.noPower {
		return nil
	}
	return n
}

func (n typed) On(context.Context) error {
	n.on, n.mute = true, false
	n.starts++
	return nil
}

func (n typed) Off(context.Context) error {
	n.on = false
	err := n.crash
	n.crash = nil
	return err
}

func (n typed) Ready(context.Context) (hil.Banner, error) {
	time.Sleep(n.f.slow) // of synctest
	if !n.on || n.f.dead == n.Name() {
		return hil.Banner{}, &hil.Error{Node: n.Name(), Doing: "start", Err: errors.New("dead")}
	}
	return hil.Banner{Name: n.gateway(), Version: "v9", Uptime: time.Second}, nil
}

func (n typed) Deploy(_ context.Context, a hil.Artifact) error {
	if a.Kind == hil.Image {
		return &hil.Unable{What: "write a card", Why: "the fake has none"}
	}
	return nil
}

func (n typed) Collect(_ context.Context, dir string) error {
	return os.WriteFile(filepath.Join(dir, "log.txt"), []byte("said"), 0o600)
}

func (n typed) Identity() hil.Identity { return hil.Identity{Kind: "fake", Name: n.Name()} }

func (n typed) Run(_ context.Context, args ...string) (hil.Result, error) {
	return n.command(nil, args)
}

func (n typed) Start(context.Context, ...string) (hil.Running, error) {
	n.f.code = make(chan string, 1)
	return pairing{n}, nil
}

type pairing struct{ typed }

func (p pairing) Line(context.Context) (string, error) {
	return `{"schema":"packhorse.pair_offer/1","code":"AAAA-BBBB"}`, nil
}

func (p pairing) Wait(ctx context.Context) (hil.Result, error) {
	select {
	case peer := <-p.f.code:
		return said(admin.PairResultReply{PairResult: admin.PairResult{Domain: p.domain, Peer: peer}}), nil
	case <-ctx.Done():
		return hil.Result{}, ctx.Err()
	}
}

// full takes stdin too.
type full struct{ typed }

func (n full) RunWith(_ context.Context, stdin []byte, args ...string) (hil.Result, error) {
	return n.command(stdin, args)
}

func (b *box) gateway() string { return []string{"anna", "bert"}[b.i] }
func (b *box) other() *box     { return b.f.nodes[1-b.i] }

func said(v any) hil.Result {
	text, _ := json.Marshal(v)
	return hil.Result{Output: "a hint\n" + string(text) + "\n"}
}

func (b *box) command(stdin []byte, args []string) (hil.Result, error) {
	b.f.mu.Lock()
	defer b.f.mu.Unlock()
	if !b.on {
		return hil.Result{}, errors.New("it is off")
	}
	if b.mute {
		return hil.Result{}, errors.New("it says nothing")
	}
	if b.f.panics && args[0] == "send" {
		panic("the bench has a fault")
	}
	switch args[0] + " " + args[1] {
	case "status --json":
		return said(b.status()), nil
	case "up --region":
		b.region = args[2]
		if len(args) > 4 {
			b.domain = args[4]
		}
		return said(b.status()), nil
	case "pair AAAA-BBBB":
		b.domain = b.other().domain
		b.f.code <- b.gateway()
		return said(admin.PairResultReply{PairResult: admin.PairResult{Domain: b.domain, Peer: b.other().gateway()}}), nil
	case "queue --json":
		return said(b.waiting()), nil
	case "inbox --json":
		return said(admin.InboxReply{Letters: b.letters}), nil
	case "inbox read":
		for _, l := range b.letters {
			if l.ID == args[2] {
				return said(admin.LetterReply{Letter: l}), nil
			}
		}
	case "inbox delete":
		b.letters = nil
		return said(admin.DeletedReply{Letters: 1}), nil
	case "store check":
		if b.f.torn {
			return hil.Result{Output: `{"ok":false,"damage":[{"file":"x"}]}`, Exit: 6}, nil
		}
		return said(map[string]bool{"ok": true}), nil
	case "region show":
		return hil.Result{Exit: map[bool]int{false: 7}[b.f.wrongLaw]}, nil
	case "region check":
		return said(map[string]bool{"ok": true}), nil
	case "doctor --json":
		level := map[bool]string{true: "fail", false: "ok"}[b.f.sick]
		return said(map[string]any{"checks": []map[string]string{{"level": level, "subject": "spi", "what": "no bus", "fix": "dtparam=spi=on"}}}), nil
	}
	if args[0] == "send" {
		return b.send(stdin, args)
	}
	return hil.Result{}, fmt.Errorf("the fake does not know %q", args)
}

func (b *box) status() admin.Status {
	rssi := 10 - b.f.loss
	if b.f.pastNoise {
		rssi = 10 - b.f.loss/4
	}
	s := admin.Status{Head: admin.Head{Schema: admin.SchemaStatus}, Name: b.gateway(), Version: "v9", Region: b.region, Domain: b.domain}
	power := map[bool]int{true: 22, false: 10}[b.f.strong]
	s.Radios = []admin.RadioInfo{{Name: "lora0", OK: true, PowerDBm: power}}
	if b.f.twoRadios {
		s.Radios = append(s.Radios, admin.RadioInfo{Name: "lora1", OK: true})
	}
	if b.domain != "" && b.domain == b.other().domain {
		s.Peers = []admin.PeerInfo{{Name: b.other().gateway(), Path: "direct", Paths: []admin.PathInfo{{RSSIdBm: &rssi}}}}
	}
	return s
}

// waiting is a queue in which letters stay for two seconds.
func (b *box) waiting() (q admin.QueueReply) {
	for id, until := range b.queue {
		if time.Now().Before(until) || b.f.lost {
			q.Parcels = append(q.Parcels, admin.Parcel{ID: id, State: admin.Saved})
		}
	}
	return q
}

func (b *box) send(stdin []byte, args []string) (hil.Result, error) {
	content := stdin
	if args[2] == "--text" {
		content = []byte(args[3])
	}
	if len(content) == 0 || args[1] != b.other().gateway() {
		return hil.Result{}, fmt.Errorf("%q sends nothing", args)
	}
	b.ids++
	id := fmt.Sprint(b.gateway(), b.ids)
	if b.f.damaged {
		content = append([]byte{content[0] ^ 1}, content[1:]...)
	}
	n := 1
	if b.f.twice {
		n = 2
	}
	// Cuts come long before: they have nothing to lose in this fake.
	b.queue[id] = time.Now().Add(8 * time.Second)
	time.AfterFunc(6*time.Second, func() {
		b.f.mu.Lock()
		defer b.f.mu.Unlock()
		for k := range n {
			b.other().letters = append(b.other().letters, admin.Letter{ID: fmt.Sprint(id, "-", k), From: b.gateway(), SizeBytes: len(content), Content: content})
		}
	})
	return said(admin.ParcelReply{Parcel: admin.Parcel{ID: id, State: admin.Saved}}), nil
}
