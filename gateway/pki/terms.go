package pki

import "time"

// ClockDrift is how far the clock of a peer may be ahead that is known to have no trusted one.
const ClockDrift = 2 * time.Hour

// Terms are what certificates and messages are judged by.
type Terms struct {
	Now     time.Time
	Quality Quality // of Now
	// Ahead is by how much something may begin after Now: ClockDrift where the peer has no trusted
	// clock, else 0. The end of something is never softened.
	Ahead time.Duration
	Links *Links // nil: every signature is verified
}

// Valid says whether Now lies within the validity period of c, both ends included. Without a clock nobody can
// tell and the answer is true.
func (t Terms) Valid(c *Certificate) bool {
	return t.Quality == ClockNone || !t.Early(c.X509.NotBefore) && !t.Now.After(c.X509.NotAfter)
}

// Early says whether a beginning lies too far in the future.
func (t Terms) Early(begins time.Time) bool {
	return t.Quality != ClockNone && t.Now.Add(t.Ahead).Before(begins)
}
