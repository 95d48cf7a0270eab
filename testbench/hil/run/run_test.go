package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/suite"
)

// place is a rig of these faults.
func place(f *fake) Place {
	p := suite.Quick()
	p.Soak, p.Limit = 40*time.Second, 50*time.Second
	return Place{Kind: "fake", Params: p, Open: func(context.Context, string) (hil.Rig, error) { return f, nil }}
}

// play runs all suites on a rig in virtual time.
func play(t *testing.T, p Place) *report.Report {
	t.Helper()
	var r *report.Report
	synctest.Test(t, func(t *testing.T) {
		r = Run(t.Context(), Options{Places: []Place{p}, Suites: suite.All, Out: t.TempDir(), Version: "v1"})
	})
	return r
}

// outcomes are the cases that did not pass, with the beginning of why.
func outcomes(r *report.Report) map[string]string {
	out := map[string]string{}
	for _, c := range r.Cases {
		if c.Outcome != report.Passed {
			out[c.Suite+"/"+c.Name] = c.Outcome + ": " + c.Reason
		}
	}
	return out
}

func TestAGoodRigPassesEveryCase(t *testing.T) {
	limit := 14
	f := newFake(faults{twoRadios: true})
	p := place(f)
	p.Params.MaxPowerDBm = &limit
	p.Deploy = []hil.Artifact{{Kind: hil.Binary}}
	r := play(t, p)
	if bad := outcomes(r); len(bad) > 0 || !f.closed {
		t.Errorf("not passed: %v; closed %v", bad, f.closed)
	}
	cases := 0
	for _, s := range suite.All {
		cases += len(s.Cases)
	}
	// lock is not needed; open, switch on, deploy, collect and switch off are.
	if r.Passed != cases+5 || len(r.Rigs) != 1 || len(r.Rigs[0].Nodes) != 2 {
		t.Errorf("%s on %d rigs; want %d cases", r.Summary(), len(r.Rigs), cases+5)
	}
	kinds := map[string]bool{}
	n := r.Rigs[0].Nodes[0]
	for _, m := range n.Marks {
		kinds[m.Kind] = true
		if m.ToS < m.FromS || m.ToS > r.TookS {
			t.Errorf("mark %+v of a run of %g s", m, r.TookS)
		}
	}
	if !kinds[report.Power] || !kinds[report.Boot] || !kinds[report.Frames] || !kinds[report.Test] || n.Facts["version"] != "v9" || !slices.Contains(n.Files, "fake/collected/a/doctor.json") {
		t.Errorf("marks of kinds %v, node %+v", kinds, n.Identity)
	}
}

// TestEveryFaultIsNoticed breaks the rig in one point each: the suites must say so where it counts.
func TestEveryFaultIsNoticed(t *testing.T) {
	limit := 14
	for name, c := range map[string]struct {
		faults
		where, says string
	}{
		"a letter arrives twice":  {faults{twice: true}, "road/text there", "2 times, want once"},
		"a letter is damaged":     {faults{damaged: true}, "road/file back", "0 times, want once"},
		"a receipt never comes":   {faults{lost: true}, "road/text back", "no receipt at b"},
		"the store is torn":       {faults{torn: true}, "crash/sender", "store check"},
		"it sends before it may":  {faults{loud: true}, "conformance/silent without region", "without a region"},
		"the law is not obeyed":   {faults{wrongLaw: true}, "conformance/law", "want 7"},
		"doctor finds a fault":    {faults{sick: true}, "conformance/doctor", "no bus"},
		"it sends too strong":     {faults{strong: true}, "conformance/power", "22 dBm"},
		"nothing is received":     {faults{deaf: true}, "conformance/frames both ways", "0 received"},
		"the attenuator is stuck": {faults{pastNoise: true}, "conformance/attenuation", "5.0 dB less"},
		"a node does not start":   {faults{dead: "b"}, "bench/switch on", "dead"},
		"the bench has a fault":   {faults{panics: true}, "road/text there", "the bench itself"},
	} {
		p := place(newFake(c.faults))
		p.Params.MaxPowerDBm = &limit
		if got := outcomes(play(t, p))[c.where]; !strings.HasPrefix(got, "failed: ") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %s is %q, want failed with %q", name, c.where, got, c.says)
		}
	}
}

func TestWhatARigLacksIsSkippedWithItsReason(t *testing.T) {
	r := play(t, place(newFake(faults{noPower: true, noFiles: true, noAttenuator: true, inDomain: true})))
	want := map[string]string{
		"conformance/silent without region": "has one already",
		"conformance/power":                 "no bench file names one",
		"conformance/two radios":            "one radio only",
		"conformance/attenuation":           "no attenuator",
		"road/file there":                   "give it SSH",
		"road/file back":                    "give it SSH",
		"crash/recipient":                   "no power switch",
		"crash/sender":                      "no power switch",
		"crash/both":                        "no power switch",
		"soak/traffic with cuts":            "no power switch",
	}
	got := outcomes(r)
	for name, why := range want {
		if !strings.HasPrefix(got[name], "skipped: ") || !strings.Contains(got[name], why) {
			t.Errorf("%s is %q, want skipped: %s", name, got[name], why)
		}
	}
	if len(got) != len(want) || r.Skipped != len(want) || r.Failed != 0 {
		t.Errorf("%s: %v", r.Summary(), got)
	}
}

func TestAMissingRigIsCounted(t *testing.T) {
	r := play(t, Place{Kind: "real", Missing: "no bench file: set X"})
	cases := 0
	for _, s := range suite.All {
		cases += len(s.Cases)
	}
	if r.Skipped != cases || r.Failed+r.Passed != 0 || r.Rigs[0].Skipped != "no bench file: set X" {
		t.Errorf("%s, skipped: %q", r.Summary(), r.Rigs[0].Skipped)
	}
}

func TestARigThatCannotBeOpenedOrLocked(t *testing.T) {
	for name, c := range map[string]struct {
		err               error
		outcome, skipping string
	}{
		"broken":  {errors.New("boom"), report.Failed, "could not be opened"},
		"not her": {&hil.Unable{What: "open it", Why: "QEMU is missing"}, report.Skipped, "QEMU is missing"},
	} {
		unlocked := false
		p := Place{Kind: "virtual", Lock: func() (func() error, string, error) {
			return func() error { unlocked = true; return nil }, "taken over", nil
		},
			Open: func(context.Context, string) (hil.Rig, error) { return nil, c.err }}
		r := play(t, p)
		if r.Cases[1].Name != "open" || r.Cases[1].Outcome != c.outcome || !strings.Contains(r.Cases[len(r.Cases)-1].Reason, c.skipping) || !unlocked {
			t.Errorf("%s: %+v ... %+v, unlocked %v", name, r.Cases[1], r.Cases[len(r.Cases)-1], unlocked)
		}
	}
	p := Place{Kind: "real", Lock: func() (func() error, string, error) { return nil, "", errors.New("held by anna") }}
	if r := play(t, p); r.Failed != 1 || !strings.Contains(r.Cases[1].Reason, "held by anna") {
		t.Errorf("held: %s %+v", r.Summary(), r.Cases[:2])
	}
}

func TestAnInterruptedRunStillSwitchesOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		f, dir := newFake(faults{}), t.TempDir()
		r := Run(ctx, Options{Places: []Place{place(f)}, Suites: suite.All, Out: dir})
		if !f.closed || r.Failed != 0 || r.Skipped < 5 || !strings.Contains(r.Cases[len(r.Cases)-4].Reason, "interrupted") {
			t.Errorf("closed %v, %s, %+v", f.closed, r.Summary(), r.Cases[len(r.Cases)-4:])
		}
		if _, err := os.Stat(filepath.Join(dir, "fake", "collected", "b", "log.txt")); err != nil {
			t.Error("nothing was collected")
		}
	})
}

func TestTheEstimateFollowsTheRig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last time.Duration
		told := 0
		Run(t.Context(), Options{Places: []Place{place(newFake(faults{}))}, Suites: suite.All, Out: t.TempDir(), Say: func(p Progress) {
			if p.Case.Outcome != "" && p.Left > 0 {
				told, last = told+1, p.Left
			}
			if p.Done > p.Total {
				t.Errorf("%d of %d", p.Done, p.Total)
			}
		}})
		if told < 10 || last > 5*time.Minute {
			t.Errorf("told %d times, at last %v", told, last)
		}
	})
}
