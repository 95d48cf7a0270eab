package run

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/suite"
)

// two is a suite of a case that does something and fails with err, and one that looks what was left of it.
func two(err error, does, looks func(ctx context.Context, b *suite.Bench) error) []suite.Suite {
	return []suite.Suite{{Name: "s", Cases: []suite.Case{
		{Name: "first", Run: func(ctx context.Context, b *suite.Bench) error { return errors.Join(does(ctx, b), err) }},
		{Name: "next", Run: looks},
	}}}
}

// through runs suites on a rig in virtual time and gives the cases by name.
func through(t *testing.T, p Place, s []suite.Suite) (cases map[string]report.Case, r *report.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r = Run(t.Context(), Options{Places: []Place{p}, Suites: s, Out: t.TempDir()})
	})
	cases = map[string]report.Case{}
	for _, c := range r.Cases {
		cases[c.Suite+"/"+c.Name] = c
	}
	return cases, r
}

// TestTheRigIsPutRightAfterACase: whatever a case leaves behind, the next finds nodes that are ready in an air that is whole.
func TestTheRigIsPutRightAfterACase(t *testing.T) {
	bad := errors.New("it went wrong")
	off := func(ctx context.Context, b *suite.Bench) error { return b.Peers()[1].Off(ctx) }
	for name, c := range map[string]struct {
		err    error
		does   func(f *fake) func(context.Context, *suite.Bench) error
		starts int  // of the second node; the first has one
		silent bool // nothing was to be done, and nothing is said
	}{
		"a node is off":             {bad, func(*fake) func(context.Context, *suite.Bench) error { return off }, 2, false},
		"it passed with a node off": {nil, func(*fake) func(context.Context, *suite.Bench) error { return off }, 2, false},
		"it left nothing, and failed": {bad, func(*fake) func(context.Context, *suite.Bench) error {
			return func(context.Context, *suite.Bench) error { return nil }
		}, 1, false},
		"it left nothing": {nil, func(*fake) func(context.Context, *suite.Bench) error {
			return func(context.Context, *suite.Bench) error { return nil }
		}, 1, true},
		"a gateway hangs": {bad, func(f *fake) func(context.Context, *suite.Bench) error {
			return func(context.Context, *suite.Bench) error { f.nodes[1].mute = true; return nil }
		}, 2, false},
		"a machine crashes": {bad, func(f *fake) func(context.Context, *suite.Bench) error {
			return func(context.Context, *suite.Bench) error {
				f.nodes[1].on, f.nodes[1].crash = false, errors.New("it crashed")
				return nil
			}
		}, 2, false},
		"the air is not whole": {&hil.Unable{What: "go on", Why: "of the test"}, func(*fake) func(context.Context, *suite.Bench) error {
			return func(ctx context.Context, b *suite.Bench) error {
				air := b.Rig.Air()
				return errors.Join(air.Cut(ctx, "b", "a", true), air.Loss(ctx, 0.5), air.Attenuate(ctx, "a", "b", 150))
			}
		}, 1, false},
		"it was mended": {nil, func(*fake) func(context.Context, *suite.Bench) error {
			return func(ctx context.Context, b *suite.Bench) error {
				air := b.Rig.Air()
				return errors.Join(air.Cut(ctx, "b", "a", true), air.Loss(ctx, 0.5), air.Cut(ctx, "a", "b", false), air.Loss(ctx, 0))
			}
		}, 1, true},
	} {
		f := newFake(faults{})
		looked := false
		cases, r := through(t, place(f), two(c.err, c.does(f), func(context.Context, *suite.Bench) error {
			looked = true
			if f.cut || f.gone > 0 || f.loss > 110 || !f.nodes[0].on || !f.nodes[1].on || f.nodes[1].mute || f.nodes[1].starts != c.starts {
				t.Errorf("%s: the next case found %+v, b %+v", name, f, f.nodes[1])
			}
			return nil
		}))
		right, done := cases["bench/put right after s/first"]
		if !looked || done == c.silent || done && right.Outcome != report.Passed {
			t.Errorf("%s: looked %v, said %v: %+v; %s", name, looked, done, right, r.Summary())
		}
	}
}

// TestARigThatStaysWrongEndsItsCases: they are skipped, with the reason, and counted.
func TestARigThatStaysWrongEndsItsCases(t *testing.T) {
	for name, c := range map[string]struct {
		faults
		says string
	}{
		"it does not come up":  {faults{}, "dead"},
		"nobody can switch it": {faults{noPower: true}, "no power switch"},
	} {
		f := newFake(c.faults)
		cases, r := through(t, place(f), two(errors.New("it went wrong"), func(context.Context, *suite.Bench) error {
			f.nodes[1].mute, f.dead = true, "b"
			return nil
		}, func(context.Context, *suite.Bench) error {
			t.Errorf("%s: the next case ran", name)
			return nil
		}))
		right, next := cases["bench/put right after s/first"], cases["s/next"]
		if right.Outcome != report.Failed || !strings.Contains(right.Reason, c.says) {
			t.Errorf("%s: %+v", name, right)
		}
		if next.Outcome != report.Skipped || !strings.Contains(next.Reason, "could not be put right after s/first: ") || !strings.Contains(next.Reason, c.says) || r.Skipped != 1 || !f.closed {
			t.Errorf("%s: %s, closed %v, %+v", name, r.Summary(), f.closed, next)
		}
	}
}

// TestAnInterruptedCaseIsNotRepaired: who presses Ctrl-C does not wait for a start.
func TestAnInterruptedCaseIsNotRepaired(t *testing.T) {
	f := newFake(faults{})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := Run(ctx, Options{Places: []Place{place(f)}, Out: t.TempDir(), Suites: two(nil, func(ctx context.Context, b *suite.Bench) error {
			defer cancel()
			return b.Peers()[1].Off(ctx)
		}, func(ctx context.Context, _ *suite.Bench) error { return ctx.Err() })})
		if f.nodes[1].starts != 1 || r.Failed > 0 || !f.closed {
			t.Errorf("%d starts, %s, closed %v: %+v", f.nodes[1].starts, r.Summary(), f.closed, r.Cases)
		}
	})
}

// TestStartsAreMeasured by the bench's clock, and by the node's own.
func TestStartsAreMeasured(t *testing.T) {
	f := newFake(faults{slow: 3 * time.Second})
	cases, _ := through(t, place(f), two(nil, func(ctx context.Context, b *suite.Bench) error {
		_, err := b.Peers()[0].Cycle(ctx)
		return err
	}, func(context.Context, *suite.Bench) error { return nil }))
	for at, nodes := range map[string]string{"bench/switch on": "ab", "s/first": "a", "s/next": ""} {
		got := cases[at].Figures
		for _, n := range []string{"a", "b"} {
			var wall, own float64
			if strings.Contains(nodes, n) {
				wall, own = 3, 1
			}
			if math.Abs(got["power_to_ready_"+n+"_s"]-wall) > 1e-6 || got["uptime_at_ready_"+n+"_s"] != own {
				t.Errorf("%s, node %s: %v", at, n, got)
			}
		}
	}
}
