package clouds

import (
	"context"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
)

// stick is what one gateway wrote for another to read.
type stick [][]byte

func (p *process) export() (s stick) {
	p.t.Helper()
	err := p.n.API().CourierExport(context.Background(), admin.CourierExport{RoomBytes: 1 << 30, BlockBytes: 4096}, func(part admin.CourierPart) error {
		if len(part.Content) > 0 {
			s = append(s, part.Content)
		}
		return nil
	})
	if err != nil || len(s) == 0 {
		p.t.Fatalf("%d files for a stick, %v", len(s), err)
	}
	return s
}

func (p *process) take(s stick) (sum admin.CourierTaken) {
	p.t.Helper()
	for _, f := range s {
		got := must[admin.CourierTaken](p.t)(p.n.API().CourierImport(context.Background(), f))
		sum.Parcels, sum.Refused = sum.Parcels+got.Parcels, sum.Refused+got.Refused
	}
	return sum
}

func (p *process) sync(courier string) admin.CourierSync {
	p.t.Helper()
	return must[admin.CourierSync](p.t)(p.n.API().SyncCourier(context.Background(), courier))
}

// A private gateway that lost its connection: one parcel goes by stick to the machine of the Internet gateway, another one
// with a courier on the same network, and the answer comes back by stick. The courier takes its time, as Awala wants it.
func TestAPrivateGatewayWithCouriersOnly(t *testing.T) {
	t.Parallel()
	w := newInternet(t, "a.example")
	a := w.clouds["a.example"]
	hut, shore := w.private("hut", "a.example"), w.private("shore", "a.example")
	cat, dot := newPerson(t, "cat", hut), newPerson(t, "dot", shore)
	cat.knows(dot.app)
	dot.knows(cat.app)
	hut.cfg.Uplinks = node.UplinkConfig{Fixed: w.fixed}
	if err := hut.n.Reload(hut.cfg); err != nil {
		t.Fatal(err)
	}
	events := must[<-chan admin.Event](t)(a.n.API().Events(t.Context()))

	byStick := cat.post(dot)
	if got := a.take(hut.export()); got.Refused != 0 {
		t.Errorf("from the stick: %+v", got)
	}
	byCourier := cat.post(dot)
	if got := hut.sync(a.n.CourierAddr()); got.CargoOut != 1 || got.ParcelsOut != 2 {
		t.Errorf("with the courier: %+v", got)
	}
	dot.await(byStick, byCourier)
	answer := dot.post(cat)
	awaitEvent(t, events, "courier", "fetched")
	hut.take(a.export())
	cat.await(answer)
	if got := hut.sync(a.n.CourierAddr()); got.Refused != 0 {
		t.Errorf("the second visit: %+v", got)
	}
	if left := must[[]admin.Parcel](t)(hut.n.API().Queue(t.Context())); len(left) != 0 {
		t.Errorf("not acknowledged by cargo: %+v", left)
	}
	cat.none()
	dot.none()
}

// awaitEvent waits for an event of a type whose text has a word.
func awaitEvent(t *testing.T, events <-chan admin.Event, typ, word string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case e := <-events:
			if e.Type == typ && strings.Contains(e.Text, word) {
				t.Log(e.Text)
				return
			}
		case <-late:
			t.Fatalf("no event %s %q", typ, word)
		}
	}
}
