package clouds

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/inet"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/store"
)

// flight is something that a courier has with it.
type flight struct {
	at   time.Time
	cca  bool
	down bool // from the Internet gateway to the private one
	raw  []byte
}

// side is a private gateway with its Internet gateway and an app, and the couriers between the two.
type side struct {
	*ground
	cloud   *cloud
	app     *app
	flights []flight
	live    bool
	next    time.Time // visit of a courier
	enrols  int
	ends    map[time.Time]bool // of the certificates under which the app was certified
}

// sent is what became of a parcel.
type sent struct {
	text    string
	expires time.Time
	came    int
	acked   bool
	bodies  map[store.Kind]string // keys of its octets in a private gateway, and in an Internet gateway
}

// years is two sides in virtual time.
type years struct {
	t       *testing.T
	now     time.Time
	luck    *rand.Rand
	sides   [2]*side
	parcels map[string]*sent
	counts  map[string]int
}

func newYears(t *testing.T, seed int) *years {
	y := &years{t: t, now: pkitest.Now, luck: rand.New(seeded("years", seed)), parcels: map[string]*sent{}, counts: map[string]int{}}
	for i, name := range []string{"hill", "shore"} {
		s := &side{ground: newGround(t, name, &y.now), cloud: newCloud(t, name+".example.org", &y.now), ends: map[time.Time]bool{}}
		y.sides[i] = s
		if err := s.cloud.enrol(s.ground); err != nil {
			t.Fatal(err)
		}
		s.enrols++
		s.app = newApp(t, "app of "+name, s.ground)
	}
	y.sides[0].app.knows(y.sides[1].app)
	y.sides[1].app.knows(y.sides[0].app)
	return y
}

// often is true once in n times.
func (y *years) often(n int) bool { return y.luck.IntN(n) == 0 }

func (y *years) days() int { return int(y.now.Sub(pkitest.Now) / day) }

// pass lets two hours pass; writes tells whether apps go on writing.
func (y *years) pass(writes bool) {
	y.now = y.now.Add(2 * time.Hour)
	for i, s := range y.sides {
		s.pass()
		s.cloud.pass()
		if y.often(10 * 12) {
			y.renewApp(s)
		}
		if writes && y.often(24) {
			y.write(s, y.sides[1-i])
		}
		if y.often(5) {
			y.fetch(s)
		}
		y.connect(s, i == 0 && (y.days() < 100 || y.days() > 300 && y.days() < 310))
		if !s.next.After(y.now) {
			s.next = y.now.Add(day + time.Duration(y.luck.IntN(5*24))*time.Hour)
			y.visit(s)
		}
		y.arrive(s)
		y.sendOut(s)
	}
	if y.often(60) {
		y.look()
	}
}

func (y *years) renewApp(s *side) {
	if err := s.app.register(); err != nil && !errors.Is(err, errDied) {
		y.t.Errorf("day %d: an app cannot register: %v", y.days(), err)
	}
	s.ends[s.app.gw.X509.NotAfter] = true
}

func (y *years) write(from, to *side) {
	ttl := time.Duration(1+y.luck.IntN(50)) * day
	ttl = min(ttl, to.app.cert.X509.NotAfter.Sub(y.now))
	m, raw := from.app.write(to.app, ttl)
	before := maps.Clone(from.disk.records[gateway.KindBody])
	for {
		_, err := from.call(func(t gateway.Token) gateway.Event { return gateway.Deliver{Token: t, Parcel: slices.Clone(raw)} })
		if err == nil {
			break
		}
		if !errors.Is(err, errDied) {
			y.t.Fatalf("day %d: %s takes no parcel: %v", y.days(), from.name, err)
		}
	}
	sum := sha256.Sum256(raw)
	p := &sent{text: fmt.Sprintf("%s writes %d", from.app.name, from.app.seq), expires: m.Expires(), bodies: map[store.Kind]string{gateway.KindInetBody: hex.EncodeToString(sum[:16])}}
	for key := range from.disk.records[gateway.KindBody] {
		if _, old := before[key]; !old {
			p.bodies[gateway.KindBody] = key
		}
	}
	y.parcels[m.ID] = p
}

// look finds every parcel that has not come and has not expired, somewhere on the four disks.
func (y *years) look() {
	for _, id := range slices.Sorted(maps.Keys(y.parcels)) {
		if p := y.parcels[id]; p.came == 0 && p.expires.After(y.now) && !y.somewhere(p) {
			y.t.Fatalf("day %d: %s, good until day %d, is nowhere", y.days(), id, int(p.expires.Sub(pkitest.Now)/day))
		}
	}
}

func (y *years) somewhere(p *sent) bool {
	return slices.ContainsFunc(y.sides[:], func(s *side) bool {
		_, below := s.ground.disk.records[gateway.KindBody][p.bodies[gateway.KindBody]]
		_, above := s.cloud.disk.records[gateway.KindInetBody][p.bodies[gateway.KindInetBody]]
		return below || above
	})
}

// fetch collects for the app. Now and then it goes away with a parcel and does not acknowledge.
func (y *years) fetch(s *side) {
	sub := s.sub()
	s.tell(gateway.Collect{Sub: sub, IDs: []pki.NodeID{s.app.id}})
	for {
		v, err := s.call(func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: sub} })
		c, _ := v.(*gateway.Collected)
		if err != nil || c == nil {
			break
		}
		p := y.came(s, c.Parcel)
		if y.often(10) {
			continue
		}
		if _, err := s.call(func(t gateway.Token) gateway.Event { return gateway.Ack{Token: t, Sub: sub, Key: c.Key} }); err != nil {
			break
		}
		p.acked = true
	}
	s.tell(gateway.CloseCollect{Sub: sub})
}

func (y *years) came(s *side, raw []byte) *sent {
	id, text := s.app.read(raw)
	p := y.parcels[id]
	switch {
	case p == nil || p.text != text:
		y.t.Fatalf("day %d: %s got %q as %s", y.days(), s.name, text, id)
	case p.acked:
		y.t.Errorf("day %d: %s was delivered again", y.days(), id)
	}
	p.came++
	return p
}

// connect does what a shell does with a live connection.
func (y *years) connect(s *side, live bool) {
	if s.live != live {
		s.live = live
		s.tell(gateway.Uplink{Address: s.cloud.address, Live: live})
	}
	if !live {
		return
	}
	for _, u := range s.core.Uplinks(y.now) {
		if u.Renew.Before(y.now) && s.cloud.enrol(s.ground) == nil {
			s.enrols++
		}
	}
	y.up(s)
	y.down(s)
}

func (y *years) up(s *side) {
	sub := s.sub()
	s.tell(gateway.CollectUp{Sub: sub, What: gateway.UpParcels})
	for {
		v, err := s.call(func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: sub} })
		c, _ := v.(*gateway.Collected)
		if err != nil || c == nil {
			break
		}
		signer := must[*pki.Certificate](y.t)(s.core.UplinkSigner(y.now, s.cloud.address))
		_, err = s.cloud.call(func(t inet.Token) inet.Event { return inet.Deliver{Token: t, By: signer.ID, Parcel: c.Parcel} })
		if refused := (*ramf.Error)(nil); errors.As(err, &refused) {
			y.t.Errorf("day %d: %s refuses %s: %v", y.days(), s.cloud.address, c.Key, err)
		}
		if err != nil {
			continue
		}
		if _, err := s.call(func(t gateway.Token) gateway.Event { return gateway.Ack{Token: t, Sub: sub, Key: c.Key} }); err != nil {
			break
		}
	}
	s.tell(gateway.CloseCollect{Sub: sub})
}

func (y *years) down(s *side) {
	c := s.cloud
	sub := c.sub()
	c.begin(func(inet.Token) inet.Event { return inet.Collect{Sub: sub, ID: y.idOf(s)} })
	for {
		v, err := c.call(func(t inet.Token) inet.Event { return inet.Next{Token: t, Sub: sub} })
		got, _ := v.(*inet.Collected)
		if err != nil || got == nil {
			break
		}
		if _, err := s.call(func(t gateway.Token) gateway.Event { return gateway.FromInternet{Token: t, Parcel: got.Parcel} }); err != nil {
			if !errors.Is(err, errDied) {
				y.t.Errorf("day %d: %s takes no parcel of its Internet gateway: %v", y.days(), s.name, err)
			}
			continue
		}
		if y.often(10) {
			continue // the connection broke
		}
		c.call(func(t inet.Token) inet.Event { return inet.Ack{Token: t, Sub: sub, Key: got.Key} })
	}
	c.begin(func(inet.Token) inet.Event { return inet.Close{Sub: sub} })
}

func (y *years) idOf(s *side) pki.NodeID {
	return must[*pki.Certificate](y.t)(s.core.UplinkSigner(y.now, s.cloud.address)).ID
}

// visit is a courier that takes a CCA and cargo with it.
func (y *years) visit(s *side) {
	y.counts["visits"]++
	v, err := s.call(func(t gateway.Token) gateway.Event { return gateway.MakeCCA{Token: t} })
	if err != nil && !errors.Is(err, errDied) {
		y.t.Fatalf("day %d: %s makes no CCA: %v", y.days(), s.name, err)
	}
	if err == nil {
		y.depart(s, flight{cca: true, raw: v.([]byte)})
	}
	sub := s.sub()
	s.tell(gateway.CollectUp{Sub: sub, What: gateway.UpParcels})
	for {
		v, err := s.call(func(t gateway.Token) gateway.Event { return gateway.MakeCargo{Token: t, Sub: sub, Max: 20_000} })
		made, _ := v.(*gateway.CargoMade)
		if err != nil || made == nil {
			break
		}
		y.depart(s, flight{raw: made.Raw})
	}
	s.tell(gateway.CloseCollect{Sub: sub})
}

// depart loses a tenth, carries another tenth twice, and each for up to three days.
func (y *years) depart(s *side, f flight) {
	if y.often(10) {
		y.counts["lost"]++
		return
	}
	f.at = y.now.Add(time.Duration(y.luck.IntN(3*24)) * time.Hour)
	s.flights = append(s.flights, f)
	if y.often(10) {
		y.counts["twice"]++
		f.at = f.at.Add(time.Duration(y.luck.IntN(9*24)) * time.Hour)
		s.flights = append(s.flights, f)
	}
}

func (y *years) arrive(s *side) {
	var there []flight
	s.flights = slices.DeleteFunc(s.flights, func(f flight) bool {
		if f.at.After(y.now) {
			return false
		}
		there = append(there, f)
		return true
	})
	for _, f := range there {
		if errors.Is(y.land(s, f), errDied) {
			f.at = y.now.Add(time.Hour)
			s.flights = append(s.flights, f)
		}
	}
}

// land hands over what a courier carries. What arrives twice is taken, or refused as used up.
func (y *years) land(s *side, f flight) (err error) {
	raw := slices.Clone(f.raw)
	switch {
	case f.down:
		_, err = s.call(func(t gateway.Token) gateway.Event { return gateway.Carry{Token: t, Raw: raw} })
	case f.cca:
		return y.collect(s, raw)
	default:
		_, err = s.cloud.call(func(t inet.Token) inet.Event { return inet.TakeCargo{Token: t, Raw: raw} })
	}
	if err != nil && !errors.Is(err, errDied) && !expiredCargo(err, raw, y.now) {
		y.t.Errorf("day %d: cargo of %s is not taken: %v", y.days(), s.name, err)
	}
	return err
}

func expiredCargo(err error, raw []byte, now time.Time) bool {
	m, bad := ramf.Parse(raw)
	return bad == nil && (m.Expires().Before(now) || m.Sender.X509.NotAfter.Before(now))
}

func (y *years) collect(s *side, cca []byte) error {
	c := s.cloud
	sub := c.sub()
	_, err := c.call(func(t inet.Token) inet.Event { return inet.OpenCCA{Token: t, Sub: sub, CCA: cca} })
	var refused *inet.CCAError
	if errors.As(err, &refused) {
		if refused.Refusal != inet.Fulfilled && !expiredCargo(err, cca, y.now) {
			y.t.Errorf("day %d: a CCA of %s is refused: %v", y.days(), s.name, err)
		}
		y.counts["spent"]++
		return nil
	}
	for err == nil {
		var v any
		v, err = c.call(func(t inet.Token) inet.Event { return inet.NextCargo{Token: t, Sub: sub} })
		made, _ := v.(*inet.CargoMade)
		if made == nil {
			break
		}
		y.depart(s, flight{down: true, raw: made.Raw})
	}
	return err
}

// sendOut is PoHTTP: a delivery fails before or after the other side has the parcel.
func (y *years) sendOut(s *side) {
	c := s.cloud
	for {
		t := c.begin(func(t inet.Token) inet.Event { return inet.Outgoing{Token: t} })
		a, ok := c.answer(t)
		o, _ := a.Value.(*inet.Outbound)
		if !ok || o == nil {
			c.begin(func(inet.Token) inet.Event { return inet.Forget{Token: t} })
			return
		}
		outcome := y.post(o)
		c.call(func(t inet.Token) inet.Event { return inet.Sent{Token: t, Key: o.Key, Outcome: outcome} })
	}
}

func (y *years) post(o *inet.Outbound) inet.Outcome {
	if y.often(5) {
		return inet.Failed
	}
	to := y.sides[slices.IndexFunc(y.sides[:], func(s *side) bool { return s.cloud.address == o.Address })]
	_, err := to.cloud.call(func(t inet.Token) inet.Event { return inet.Deliver{Token: t, Parcel: slices.Clone(o.Parcel)} })
	var refused *ramf.Error
	switch {
	case errors.As(err, &refused):
		if m, bad := ramf.Parse(o.Parcel); bad == nil && m.Expires().After(y.now) {
			y.t.Errorf("day %d: %s refuses a parcel of the other: %v", y.days(), to.cloud.address, err)
		}
		return inet.Refused
	case err != nil, y.often(10):
		return inet.Failed
	}
	return inet.Delivered
}

// Two private gateways, each with an Internet gateway, for 400 days and until all is over: one is connected for some
// weeks and registers anew then, the other one sees couriers only. Each of the four is killed now and then at a batch.
func TestYearsOfCouriersAndConnections(t *testing.T) {
	y := newYears(t, 1)
	for _, s := range y.sides {
		s.ground.disk.odds, s.cloud.disk.odds = 100, 100
	}
	for range 400 * 12 {
		y.pass(true)
	}
	for range 60 * 12 {
		y.pass(false)
	}
	y.judge()
}

func (y *years) judge() {
	var delivered, over int
	for id, p := range y.parcels {
		switch {
		case p.came > 0:
			delivered++
		case p.expires.After(y.now):
			y.t.Errorf("%s did not come", id)
		default:
			over++
		}
	}
	y.t.Logf("%d parcels delivered, %d expired on the way; %v", delivered, over, y.counts)
	for i, s := range y.sides {
		snap := s.cloud.core.Snapshot(y.now)
		y.t.Logf("%s: %d deaths, %d of its Internet gateway, %d registrations, certified under %d, %+v", s.name, s.ground.disk.deaths, s.cloud.disk.deaths, s.enrols, len(s.ends), snap)
		if snap.Inward+snap.Outward+snap.Owed != 0 {
			y.t.Errorf("%s holds something when all is over: %+v", s.cloud.address, snap)
		}
		if u := s.core.Uplinks(y.now)[0]; u.Waiting+u.Owed != 0 || u.Until.Before(y.now.Add(80*day)) {
			y.t.Errorf("%s when all is over: %+v", s.name, u)
		}
		if wants := 1 + 1 - i; s.enrols < wants || i == 1 && s.enrols > 1 || len(s.ends) < 3 || s.ground.disk.deaths == 0 || s.cloud.disk.deaths == 0 {
			y.t.Errorf("%s registered %d times and had %d certificates", s.name, s.enrols, len(s.ends))
		}
	}
	if len(y.parcels) < 300 || delivered*10 < len(y.parcels)*8 || y.counts["lost"]*y.counts["twice"]*y.counts["spent"] == 0 {
		y.t.Errorf("%d parcels, %d delivered: not what was to be seen", len(y.parcels), delivered)
	}
}
