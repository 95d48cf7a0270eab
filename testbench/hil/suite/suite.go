package suite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Suite is a list of cases that run in their order on one rig.
type Suite struct {
	Name, About string
	Cases       []Case
}

// Case is one question to a rig. Run answers nil, *hil.Unable when the rig cannot be asked, or what was wrong.
type Case struct {
	Name, About string
	Typical     time.Duration // on the simulated rig; for the estimate of what is left only
	Run         func(ctx context.Context, b *Bench) error
}

// All is every suite, in the order in which they run: what wants a node without a region comes first.
var All = []Suite{conformance, road, crash, soak}

// Names of all suites.
func Names() (names []string) {
	for _, s := range All {
		names = append(names, s.Name)
	}
	return names
}

// Select gives the suites of these names, in the order of All. A name such as crash/both takes one case of a suite.
func Select(names []string) (out []Suite, err error) {
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	for _, s := range All {
		all, cases := want[s.Name], []Case(nil)
		delete(want, s.Name)
		for _, c := range s.Cases {
			if all || want[s.Name+"/"+c.Name] {
				cases = append(cases, c)
			}
			delete(want, s.Name+"/"+c.Name)
		}
		if s.Cases = cases; len(cases) > 0 {
			out = append(out, s)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(want)) {
		return nil, fmt.Errorf("there is no suite %q: use %s, or one case such as %s/%s", n, strings.Join(Names(), ", "), crash.Name, crash.Cases[0].Name)
	}
	return out, nil
}

// Params are what a run may choose.
type Params struct {
	Seed        uint64
	Region      string
	MaxPowerDBm *int          // of the bench; nil: no limit is known
	TextBytes   int           // of each text
	FileBytes   int           // of each file
	Cuts        int           // of the power, in each case of crash
	CutFrames   uint64        // the power goes when the sender has sent so many frames since the last cut
	Pause       time.Duration // without power
	Soak        time.Duration // of traffic
	SoakCut     int           // in soak the power goes before every letter of this number
	Limit       time.Duration // of one case
}

// Quick is short enough for every change: what `make test` runs.
func Quick() Params {
	return Params{Seed: 1, Region: "NZ915", TextBytes: 60, FileBytes: 6000, Cuts: 2, CutFrames: 5, Pause: 200 * time.Millisecond, Soak: 20 * time.Second, SoakCut: 4, Limit: 3 * time.Minute}
}

// Full is what a night is for.
func Full() Params {
	p := Quick()
	p.FileBytes, p.Cuts, p.CutFrames, p.Pause, p.Soak, p.SoakCut, p.Limit = 20_000, 5, 10, 2*time.Second, 20*time.Minute, 8, 30*time.Minute
	return p
}
