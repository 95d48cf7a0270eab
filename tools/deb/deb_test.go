package main

import (
	"strings"
	"testing"
	"time"
)

func TestDebianVersions(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)
	for _, c := range []struct{ text, want string }{
		{"v1.2.3", "1.2.3"}, {"1.2.3", "1.2.3"}, {"v1.2.3-rc1", "1.2.3~rc1"}, {"v1.2.3-4-gabc1234", "1.2.3+4.gabc1234"},
		{"v1.2.3-rc1-4-gabc1234-dirty", "1.2.3~rc1+4.gabc1234+dirty"}, {"v1.2.3-dirty", "1.2.3+dirty"},
		{"706b566", "0~20261122101500.706b566"}, {"706b566-dirty", "0~20261122101500.706b566+dirty"}, {"dev", "0~dev"},
		{"", ""}, {"v1_2", ""}, {"1.0 beta", ""},
	} {
		got, err := debianVersion(c.text, at)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q (%v), want %q", c.text, got, err, c.want)
		}
	}
}

func TestChangelog(t *testing.T) {
	got := changelog("1.2", "A <a@b>", commit{at: time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC), subjects: []string{"x: y"}})
	if want := "packhorse (1.2) unstable; urgency=medium\n\n  * x: y\n\n -- A <a@b>  Mon, 02 Nov 2026 03:04:05 +0000\n"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestArchitectures(t *testing.T) {
	if got, err := choose("armhf,amd64"); err != nil || len(got) != 2 || got[0].target != "linux-arm6" {
		t.Errorf("got %v (%v)", got, err)
	}
	if _, err := choose("arm"); err == nil || !strings.Contains(err.Error(), "armhf") {
		t.Errorf("got %v", err)
	}
}

func TestLongChangesAreWrapped(t *testing.T) {
	if got, want := wrap("one two three", 7, "/"), "one two/three"; got != want {
		t.Errorf("got %q", got)
	}
}
