package clouds

import (
	"context"
	"fmt"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/inet"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// largest is the most octets of a parcel (RS-001, as shipped).
const largest = 8_322_038

// writeLargest makes a parcel of exactly the most octets.
func (a *app) writeLargest(o *app) (*ramf.Message, []byte) {
	a.t.Helper()
	plain, more := largest-8000, 0
	for range 4 {
		a.seq++
		id := fmt.Sprintf("%s-%d", a.name, a.seq)
		id += strings.Repeat("x", 20-len(id)+more)
		payload, _, err := a.ring.Seal(make([]byte, plain), o.id, *a.now, pki.ClockNTP, seeded("seal "+a.name, a.seq))
		if err != nil {
			a.t.Fatal(err)
		}
		m := &ramf.Message{Type: ramf.Parcel, Recipient: o.id, InternetAddress: o.address, ID: id, Created: a.now.Truncate(time.Second), TTL: time.Hour,
			Payload: payload, Sender: o.authorise(a), Chain: []*pki.Certificate{o.cert, o.gw}}
		raw := must[[]byte](a.t)(ramf.Sign(m, a.key, seeded("sign "+a.name, a.seq)))
		missing := largest - len(raw)
		if missing == 0 {
			return m, raw
		}
		plain, more = plain+missing/16*16, more+missing%16 // payloads are padded to 16
	}
	a.t.Fatal("no parcel of the largest size")
	return nil, nil
}

// heap is the most live and dead octets of the heap while something runs, and those before it.
func heap(during func()) (before, most uint64) {
	read := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	before = read()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			most = max(most, read())
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	during()
	cancel()
	wg.Wait()
	return before, most
}

// mostHeap is for six processes in one, each with a few copies of the parcel: as received, stored and sent.
const mostHeap = 400 << 20

// large sends the largest parcel, and watches how long the owners of the gateways on its way do not answer.
func (e *ends) large() {
	e.t.Helper()
	*e.ann.now = time.Now()
	m, raw := e.ann.writeLargest(e.ben.app)
	start := time.Now()
	before, most := heap(func() {
		e.ann.hand(raw)
		e.ben.await(m.ID)
	})
	e.t.Logf("%d octets in %v, heap %d MiB before, %d MiB at most", len(raw), time.Since(start).Round(time.Millisecond), before>>20, most>>20)
	if most > before+mostHeap {
		e.t.Errorf("heap of %d MiB", most>>20)
	}
}

// The largest parcel in cargo, in both directions.
func TestLargestParcelTravelsInCargo(t *testing.T) {
	y := newYears(t, 3)
	a, b := y.sides[0], y.sides[1]
	_, raw := a.app.writeLargest(b.app)
	watch := func(what string, do func()) {
		start := time.Now()
		do()
		t.Logf("%s: %v", what, time.Since(start).Round(time.Millisecond))
	}
	watch("a private gateway takes it", func() {
		a.must(func(t gateway.Token) gateway.Event { return gateway.Deliver{Token: t, Parcel: slices.Clone(raw)} })
	})
	sub := a.sub()
	a.tell(gateway.CollectUp{Sub: sub, What: gateway.UpParcels})
	var up *gateway.CargoMade
	watch("and makes cargo", func() {
		up = a.must(func(t gateway.Token) gateway.Event { return gateway.MakeCargo{Token: t, Sub: sub} }).(*gateway.CargoMade)
	})
	watch("its Internet gateway takes it", func() {
		must[any](t)(a.cloud.call(func(t inet.Token) inet.Event { return inet.TakeCargo{Token: t, Raw: up.Raw} }))
	})
	watch("another one gets it", func() { y.across(a, b) })
	cca := b.must(func(t gateway.Token) gateway.Event { return gateway.MakeCCA{Token: t} }).([]byte)
	s := b.cloud.sub()
	must[any](t)(b.cloud.call(func(t inet.Token) inet.Event { return inet.OpenCCA{Token: t, Sub: s, CCA: cca} }))
	var down *inet.CargoMade
	watch("and makes cargo", func() {
		down = must[any](t)(b.cloud.call(func(t inet.Token) inet.Event { return inet.NextCargo{Token: t, Sub: s} })).(*inet.CargoMade)
	})
	watch("its private gateway takes it", func() {
		b.must(func(t gateway.Token) gateway.Event { return gateway.Carry{Token: t, Raw: down.Raw} })
	})
	got := 0
	sub = b.sub()
	b.tell(gateway.Collect{Sub: sub, IDs: []pki.NodeID{b.app.id}})
	if c := b.must(func(t gateway.Token) gateway.Event { return gateway.Next{Token: t, Sub: sub} }).(*gateway.Collected); c != nil {
		got = len(c.Parcel)
	}
	if got != largest {
		t.Errorf("%d octets came, want %d", got, largest)
	}
}
