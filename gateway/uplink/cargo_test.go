package uplink

import (
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/ramf"
)

// A CCA goes up, cargo comes down, cargo goes up, and all again after a restart.
func TestThereAndBack(t *testing.T) {
	d, i := newDesk(t), newInternet(t, north)
	d.register(i, now)
	for round := range 3 {
		at := now.Add(time.Duration(round) * day)
		cda := i.collect(d.cca(north, at), at)
		if cda.ID != i.own.ID || cda.Issuer != gatewayID(t) || !cda.X509.IsCA || cda.X509.MaxPathLen != 1 || !cda.X509.NotAfter.Equal(at.Add(14*day)) {
			t.Errorf("CDA for %s, path length %d, until %v", cda.ID, cda.X509.MaxPathLen, cda.X509.NotAfter)
		}
		d.restart()
		o := d.opens(i.cargo(cda, at, nil, "one", "two"), at, "one", "two")
		if o.From != i.own.ID || o.Address != north || o.Skipped != 0 {
			t.Errorf("got %+v", o)
		}
		d.restart()
		m, plain := i.open(d.seal(north, at, at.Add(5*day), "three"), ramf.Cargo, at)
		items, _, err := cargo.Parse(plain)
		if err != nil || len(items) != 1 || string(items[0].Parcel) != "three" || !m.Created.Equal(at.Add(-3*time.Hour)) || !m.Expires().Equal(at.Add(5*day)) {
			t.Errorf("%+v from %v to %v, %v", items, m.Created, m.Expires(), err)
		}
	}
}
