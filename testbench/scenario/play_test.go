package scenario

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// short runs a script from text.
func short(t *testing.T, text string, o Options) (Result, error) {
	t.Helper()
	s, err := Parse("x.txt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o.Dir = t.TempDir()
	return Run(t.Context(), s, o)
}

func TestDifferencesAreFoundAndOutputsReplaceThem(t *testing.T) {
	text := "node a b\nup a domain=ridge\n  a: in domain valley\npair b a\nsend a b \"x\"\nrun until delivered\ncheck\n  1 sent, 1 delivered once\n"
	keys := &Keyring{}
	r, err := short(t, text, Options{Keys: keys})
	if err != nil || r.Differences() != 3 {
		t.Fatalf("got %d differences, %v; want 3: a wrong line and two missing", r.Differences(), err)
	}
	s, _ := Parse("x.txt", []byte(text))
	r, err = short(t, string(s.Rewrite(r.Outputs())), Options{Keys: keys})
	if err != nil || r.Differences() != 0 {
		t.Errorf("after the rewrite: got %d differences, %v", r.Differences(), err)
	}
}

func TestMistakesNameTheirLine(t *testing.T) {
	keys := &Keyring{}
	for text, want := range map[string]string{
		"world region=XX999\n":                                 "x.txt:1: phy: unknown region",
		"world loss=200%\n":                                    "x.txt:1: \"200%\" is no share",
		"world store=1kB\n":                                    "x.txt:1: store=1kB is less than a gateway needs",
		"node a\nnode a\n":                                     "x.txt:2: there is a node a already",
		"node a_b\n":                                           "x.txt:1: domain: '_' cannot be in a name",
		"node a region=EU868\n":                                "x.txt:1: region=EU868: only region=none",
		"node a\nstop b\n":                                     "x.txt:2: no node is called \"b\"",
		"node a\nstop a\nstatus a\nqueue a\n":                  "x.txt:4: a is stopped: start a",
		"node a\nstart a\n":                                    "x.txt:2: a runs already",
		"node a b radio=none\ncut a b\n":                       "x.txt:2: a has no open radio",
		"node a\ncut a a\n":                                    "x.txt:2: a twice",
		"node a b\nunwire a b\n":                               "x.txt:2: no wire joins a and b",
		"node a b\njoin b a\n":                                 "x.txt:2: a never invited",
		"node a b\nsend a b\n":                                 "x.txt:2: send a text or file=SIZE",
		"node a b\nsend a b \"x\" file=1kB\n":                  "x.txt:2: send a text or file=SIZE",
		"node a b\nsend a b \"x\" priority=soon\n":             "x.txt:2: \"soon\" is no priority",
		"node a\nrun 5\n":                                      "x.txt:2: write it as: run 30s",
		"node a\nrun until p1 delivered\n":                     "x.txt:2: no parcel p1 was sent",
		"node a b\nrun until a meets b\n":                      "x.txt:2: \"meets\" is nothing to wait for",
		"node a b\nrun until a hears b within=1m\n":            "x.txt:2: not so within 1m0s: a hears b",
		"node a\nup a domain=x\nrun 1h\nairtime a under=1us\n": "x.txt:4: ",
		"node a\nfill a\n":                                     "x.txt:2: give the world a store=SIZE first",
		"node a\nup a region=EU868\n":                          "x.txt:2: this world is in NZ915",
		"node a\ntrace maybe\n":                                "x.txt:2: trace on, or trace off",
	} {
		_, err := short(t, text, Options{Keys: keys})
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestCheckFindsWhatIsWrong bends what a run left behind, one promise at a time.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	keys := &Keyring{}
	for want, bend := range map[string]func(*play){
		"":                                      func(*play) {},
		"p1 became durable 2 times at b":        func(p *play) { p.nodes[1].Delivered[key(p)]++ },
		"a has a letter that nobody sent to it": func(p *play) { p.nodes[0].Delivered[key(p)] = 1 },
		"a thinks it is delivered, b does not":  func(p *play) { clear(p.nodes[1].Delivered) },
		"b has 5 octets that were not sent":     func(p *play) { p.parcels[0].content = []byte("other") },
		"a does not know it any more":           func(p *play) { p.parcels[0].id = "000000000000" },
		"b is stopped: start b, then check":     func(p *play) { p.nodes[1].Stop() },
	} {
		p := delivered(t, keys)
		bend(p)
		err := p.check(Command{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err := p.close(); err != nil {
			t.Error(err)
		}
	}
}

// delivered is a play with one letter that arrived.
func delivered(t *testing.T, keys *Keyring) *play {
	t.Helper()
	s, err := Parse("x.txt", []byte("node a b\nup a domain=ridge\npair b a\nsend a b \"hello\"\nrun until delivered\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPlay(t.Context(), s, Options{Dir: t.TempDir(), Keys: keys})
	if err := p.steps(&Result{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func key(p *play) string {
	for k := range p.nodes[1].Delivered {
		return k
	}
	return ""
}

func TestRunEndsWithItsContext(t *testing.T) {
	s, err := Parse("x.txt", []byte("node a\nup a domain=ridge\nrun 400d\n"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Run(ctx, s, Options{Dir: t.TempDir(), Step: func(s Step) error {
		if s.Command.Name == "up" {
			cancel()
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) || len(r.Steps) != 2 || r.Steps[1].Passed > time.Minute {
		t.Errorf("got %v after %d steps, want an end in the third", err, len(r.Steps))
	}
}

func TestExamplesComeWithTheProgram(t *testing.T) {
	names := Examples()
	if len(names) != len(scripts(t)) {
		t.Errorf("got %d names, want %d", len(names), len(scripts(t)))
	}
	for _, n := range names {
		text, err := Example(strings.TrimSuffix(n, ".txt"))
		if err != nil {
			t.Error(err)
		}
		if s, err := Parse(n, text); err != nil || len(s.Commands) < 5 {
			t.Errorf("%s: %v, %v", n, s, err)
		}
	}
	if _, err := Example("nobody-wrote-this"); err == nil {
		t.Error("got an example that there is not")
	}
}
