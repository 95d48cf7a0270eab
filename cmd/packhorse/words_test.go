package main

import (
	"testing"
	"time"

	"packhorse/gateway/admin"
)

func TestArrivalIsToldInPlainWords(t *testing.T) {
	for _, c := range []struct {
		why  string
		eta  time.Duration
		law  float64
		want string
	}{
		{"moving", 0, 0, "moving: 33 %"},
		{"moving", 41 * time.Second, 0, "moving: 33 %, in about 41 s"},
		{"moving", 12*time.Minute + 10*time.Second, 0, "moving: 33 %, in about 12 min"},
		{"budget", 3*time.Hour + 19*time.Minute, 360, "budget: 33 %, in about 3 h 20 min (the law allows 360 s of sending an hour)"},
		{"budget", 3*time.Hour + time.Minute, 36, "budget: 33 %, in about 3 h (the law allows 36 s of sending an hour)"},
		{"budget", 70 * time.Hour, 3.6, "budget: 33 %, in about 3 days (the law allows 3.6 s of sending an hour)"},
	} {
		p := admin.Parcel{Why: c.why, Done: 3, Total: 9, ETAS: c.eta.Seconds(), LawS: c.law}
		if got := why(p); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
