package clouds

import (
	"slices"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/inet"
)

// turns passes a request that takes more than one turn of a core, and tells how many it took and the longest.
func (y *years) turns(begin, pass func(), answered func() bool) (n int, longest time.Duration) {
	for step := begin; ; step = pass {
		start := time.Now()
		step()
		longest = max(longest, time.Since(start))
		if n++; answered() {
			return n, longest
		}
		if y.now = y.now.Add(time.Millisecond); n > 10_000 {
			y.t.Fatal("the cargo is never done")
		}
	}
}

// A cargo of many parcels does not keep a core from everything else: it is looked at in turns, in a private gateway as in
// an Internet gateway.
func TestManyParcelsInOneCargoAreTakenInTurns(t *testing.T) {
	const parcels = 150
	y := newYears(t, 2)
	a, b := y.sides[0], y.sides[1]
	for range parcels {
		_, raw := a.app.write(b.app, 30*day)
		a.must(func(t gateway.Token) gateway.Event { return gateway.Deliver{Token: t, Parcel: slices.Clone(raw)} })
	}
	sub := a.sub()
	a.tell(gateway.CollectUp{Sub: sub, What: gateway.UpParcels})
	up := a.must(func(t gateway.Token) gateway.Event { return gateway.MakeCargo{Token: t, Sub: sub} }).(*gateway.CargoMade)
	c := a.cloud
	c.token++
	took := c.token
	n, longest := y.turns(func() { c.core.HandleEvent(y.now, inet.TakeCargo{Token: took, Raw: up.Raw}); c.pump() }, c.pass, func() bool { return c.answers[took].Token == took })
	t.Logf("an Internet gateway takes %d parcels, %d octets, in %d turns, the longest %v", up.Parcels, len(up.Raw), n, longest)
	if got := c.answers[took]; got.Err != nil || got.Value != (inet.CargoTaken{Parcels: parcels}) || n < 3 {
		t.Errorf("after %d turns: %+v", n, got)
	}
	y.across(a, b)
	cca := b.must(func(t gateway.Token) gateway.Event { return gateway.MakeCCA{Token: t} }).([]byte)
	s := b.cloud.sub()
	must[any](t)(b.cloud.call(func(t inet.Token) inet.Event { return inet.OpenCCA{Token: t, Sub: s, CCA: cca} }))
	down := must[any](t)(b.cloud.call(func(t inet.Token) inet.Event { return inet.NextCargo{Token: t, Sub: s} })).(*inet.CargoMade)
	b.token++
	carried := b.token
	n, longest = y.turns(func() { b.tell(gateway.Carry{Token: carried, Raw: down.Raw}) }, b.pass, func() bool { return b.answers[carried].Token == carried })
	t.Logf("a private gateway takes %d parcels, %d octets, in %d turns, the longest %v", down.Parcels, len(down.Raw), n, longest)
	if got := b.answers[carried]; got.Err != nil || got.Value != (gateway.CargoTaken{Parcels: parcels}) || n < 5 {
		t.Errorf("after %d turns: %+v", n, got)
	}
}

// across is PoHTTP that does not fail.
func (y *years) across(from, to *side) {
	for {
		t := from.cloud.begin(func(t inet.Token) inet.Event { return inet.Outgoing{Token: t} })
		a, _ := from.cloud.answer(t)
		o, _ := a.Value.(*inet.Outbound)
		if o == nil {
			return
		}
		must[any](y.t)(to.cloud.call(func(t inet.Token) inet.Event { return inet.Deliver{Token: t, Parcel: o.Parcel} }))
		must[any](y.t)(from.cloud.call(func(t inet.Token) inet.Event {
			return inet.Sent{Token: t, Key: o.Key, Outcome: inet.Delivered}
		}))
	}
}
