package clock

import (
	"errors"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestAgree(t *testing.T) {
	near := func(server string, offset time.Duration) sample {
		return sample{server: server, offset: offset, distance: 20 * ms}
	}
	far := near("far", 2*time.Second)
	far.distance = 3 * time.Second
	leap := func(s sample, n int8) sample { s.leap = n; return s }
	for _, c := range []struct {
		what         string
		samples      []sample
		asked, alone int
		want         string
		leap         int8
		err          error
	}{
		{"nobody", nil, 4, 0, "", 0, errSilent},
		{"one of one", []sample{near("a", time.Hour)}, 1, 0, "a", 0, nil},
		{"one of several", []sample{near("a", time.Hour)}, 3, 0, "", 0, errAlone},
		{"one of several, again", []sample{near("a", time.Hour)}, 3, 1, "", 0, errAlone},
		{"one of several, always", []sample{near("a", time.Hour)}, 3, 2, "a", 0, nil},
		{"two agree", []sample{near("b", 30*ms), near("a", 10*ms)}, 2, 0, "a", 0, nil},
		{"two disagree", []sample{near("a", 0), near("b", time.Second)}, 2, 0, "", 0, errDisagree},
		{"two disagree for long", []sample{near("a", 0), near("b", time.Second)}, 2, 9, "", 0, errDisagree},
		{"a liar ahead", []sample{near("a", 10*ms), near("liar", 90*time.Hour), near("b", 20*ms)}, 3, 0, "a", 0, nil},
		{"a liar behind", []sample{near("a", 10*ms), near("liar", -90*time.Hour), near("b", 20*ms)}, 3, 0, "a", 0, nil},
		{"two liars of four", []sample{near("a", 0), near("b", ms), near("c", time.Hour), near("d", 2*time.Hour)}, 4, 0, "", 0, errDisagree},
		{"one that is far from any clock", []sample{far, near("a", ms), near("b", ms)}, 3, 0, "a", 0, nil},
		{"a leap second that most announce", []sample{leap(near("a", 0), 1), leap(near("b", 0), 1), near("c", 0)}, 3, 0, "b", 1, nil},
		{"a leap second that few announce", []sample{leap(near("a", 0), -1), near("b", 0), near("c", 0)}, 3, 0, "b", 0, nil},
		{"a second left out", []sample{leap(near("a", 0), -1), leap(near("b", 0), -1), near("c", 0)}, 3, 0, "b", -1, nil},
	} {
		got, err := agree(c.samples, c.asked, c.alone)
		if !errors.Is(err, c.err) || got.server != c.want || got.leap != c.leap {
			t.Errorf("%s: got %+v, %v, want %q leap %d, %v", c.what, got, err, c.want, c.leap, c.err)
		}
	}
}
