package ramf_test

import (
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
)

// A clock may be two hours ahead where that is allowed; it never makes anything live longer.
func TestClockDrift(t *testing.T) {
	c := pkitest.NewChain(t)
	m := parse(t, sign(t, parcel(c)))
	certificates := c.Root.X509.NotBefore
	early := parcel(c)
	early.Created = certificates.Add(-time.Hour)
	before := parse(t, sign(t, early))
	for _, tt := range []struct {
		name  string
		m     *ramf.Message
		now   time.Time
		ahead time.Duration
		q     pki.Quality
		want  ramf.Refusal
	}{
		{"strict", m, m.Created.Add(-time.Second), 0, pki.ClockNTP, ramf.NotYetValid},
		{"two hours ahead", m, m.Created.Add(-2 * time.Hour), pki.ClockDrift, pki.ClockNTP, 0},
		{"two hours and a second ahead", m, m.Created.Add(-2*time.Hour - time.Second), pki.ClockDrift, pki.ClockNTP, ramf.NotYetValid},
		{"at its end", m, m.Expires(), pki.ClockDrift, pki.ClockNTP, 0},
		{"after its end", m, m.Expires().Add(time.Second), pki.ClockDrift, pki.ClockNTP, ramf.Expired},
		{"certificates begin in two hours", before, certificates.Add(-2 * time.Hour), pki.ClockDrift, pki.ClockNTP, 0},
		{"certificates begin in two hours and a second", before, certificates.Add(-2*time.Hour - time.Second), pki.ClockDrift, pki.ClockNTP, ramf.SenderExpired},
		{"certificates begin in an hour, strict", before, certificates.Add(-time.Hour), 0, pki.ClockNTP, ramf.SenderExpired},
		{"nobody knows the time", m, m.Expires().Add(time.Second), 0, pki.ClockNone, 0},
	} {
		terms := pki.Terms{Now: tt.now, Ahead: tt.ahead, Quality: tt.q}
		if _, err := tt.m.CheckBy(terms, certs{c.Root}); refusal(err) != tt.want || tt.want == 0 && err != nil {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err := tt.m.CheckSenderBy(terms); refusal(err) != tt.want || tt.want == 0 && err != nil {
			t.Errorf("%s, sender alone: %v, want %v", tt.name, err, tt.want)
		}
	}
}
