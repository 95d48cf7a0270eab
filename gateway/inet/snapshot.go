package inet

import (
	"time"

	"packhorse/gateway/pki"
)

// Snapshot is what people are told of an Internet gateway.
type Snapshot struct {
	ID       pki.NodeID
	Until    time.Time // end of its certificate; zero: it has none
	Inward   int       // parcels that wait for private gateways
	Outward  int       // parcels that wait for other Internet nodes
	Octets   int64     // of both
	Gateways int       // private gateways that something waits for
	Owed     int       // acknowledgements that cargo brings
	Resting  int       // addresses that could not be reached and are tried again later
}

// Snapshot tells how things stand.
func (c *Core) Snapshot(now time.Time) Snapshot {
	s := Snapshot{ID: c.id, Owed: len(c.owed.byID)}
	if cert := c.authority.cert(now); cert != nil {
		s.Until = cert.X509.NotAfter
	}
	for l := range c.queue.Lines() {
		s.Octets += l.Octets
		if l.Name.to == toAddress {
			s.Outward += l.Bodies
			if r := c.roads[l.Name.name]; r != nil && r.until.After(now) {
				s.Resting++
			}
			continue
		}
		s.Inward += l.Bodies
		s.Gateways++
	}
	return s
}
