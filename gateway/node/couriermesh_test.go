package node

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/ramf"
)

// wayOf has a courier see one way of cargo, and after carrying something that it is asked for.
func wayOf(c *courier, f *fakeCore, before gateway.CargoWay) {
	c.way = func(context.Context) (gateway.CargoWay, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		w := before
		if len(f.carried) > 0 {
			w.Asked = &gateway.Parcel{ID: "7c1e", To: "a.example", State: gateway.Saved, Expires: time.Unix(1, 0)}
		}
		return w, nil
	}
}

func TestCargoIsAskedForOverTheMeshOnce(t *testing.T) {
	f := newFakeCore(t)
	f.cca = []byte("our CCA")
	c := newTestCourier(f)
	wayOf(c, f, gateway.CargoWay{Registered: true, Exit: "cleo", Airtime: 2 * time.Second})
	_, err := c.sync(t.Context(), "")
	wantError(t, "no courier", err, admin.CodeNotFound, "packhorse courier sync --mesh asks over the mesh, through cleo: it costs 3.5 kB on each radio hop, about 2 s of our airtime")
	got, err := c.request(t.Context())
	if want := (admin.CargoRequest{ID: "7c1e", To: "a.example", Exit: "cleo", SizeBytes: 7, AirtimeS: 2, Expires: time.Unix(1, 0).UTC()}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	f.want("carried", f.carried, "our CCA by ")
	_, err = c.request(t.Context())
	wantError(t, "again", err, admin.CodeNotYet, "packhorse queue")
	_, err = c.sync(t.Context(), "")
	wantError(t, "no courier, but asked", err, admin.CodeNotFound, "packhorse courier sync --to ADDRESS")
	f.want("carried", f.carried, "our CCA by ")
}

func TestCargoIsNotAskedForInVain(t *testing.T) {
	sent := &gateway.Parcel{ID: "7c1e", State: gateway.Carried, Since: time.Unix(1, 0)}
	for name, tc := range map[string]struct {
		way  gateway.CargoWay
		cca  string
		code admin.Code
		fix  string
	}{
		"an uplink of our own":   {gateway.CargoWay{Live: true, Exit: "cleo"}, "our CCA", admin.CodeRefused, "packhorse status"},
		"under way":              {gateway.CargoWay{Registered: true, Exit: "cleo", Asked: sent}, "our CCA", admin.CodeNotYet, "a day after"},
		"no uplink anywhere":     {gateway.CargoWay{Registered: true}, "our CCA", admin.CodeNotYet, "packhorse courier export DIR"},
		"registered nowhere":     {gateway.CargoWay{Exit: "cleo"}, "our CCA", admin.CodeNotYet, "[uplink] gateways"},
		"the store takes no CCA": {gateway.CargoWay{Registered: true, Exit: "cleo"}, "refused", admin.CodeQuota, "later"},
	} {
		f := newFakeCore(t)
		f.cca = []byte(tc.cca)
		f.refuse["refused"] = &gateway.Error{Code: "quota", Message: "full", Fix: "later"}
		c := newTestCourier(f)
		wayOf(c, f, tc.way)
		_, err := c.request(t.Context())
		wantError(t, name, err, tc.code, tc.fix)
		f.want(name, f.carried)
	}
}

func wantError(t *testing.T, name string, err error, code admin.Code, fix string) {
	t.Helper()
	var e *admin.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Fix, fix) {
		t.Errorf("%s: got %#v, want %s with fix %q", name, err, code, fix)
	}
}

// Two whole gateways on a cable: one is registered, the other reaches the Internet. The request goes there, and the cargo back.
func TestRequestAndCargoTravelTheMesh(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		x, y := newCable()
		a, b := start(t, Config{StateDir: dirs[0], Name: "ada"}, x), start(t, Config{StateDir: dirs[1], Name: "ben"}, y)
		defer b.stop()
		defer a.stop()
		must[admin.Status](t)(a.Up(ctx, admin.Up{Region: "NZ915", Domain: "ridge"}))
		must[admin.Status](t)(b.Up(ctx, admin.Up{Region: "NZ915"}))
		must[admin.PairResult](t)(b.JoinPairing(ctx, must[admin.PairOffer](t)(a.OpenPairing(ctx)).Code))
		c := newCloud(t)
		c.register(a)
		if err := b.n.tell(ctx, gateway.Uplink{Address: "cloud.example", Live: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if p := must[admin.Status](t)(a.Status(ctx)).Peers; len(p) != 1 || len(p[0].Uplinks) != 1 || p[0].Uplinks[0] != "cloud.example" {
			t.Fatalf("peers: got %+v", p)
		}
		got := must[admin.CargoRequest](t)(a.RequestCargo(ctx))
		if got.Exit != "ben" || got.To != "cloud.example" || got.SizeBytes < 2500 || got.SizeBytes > 4500 || got.AirtimeS <= 0 {
			t.Errorf("request: got %+v", got)
		}
		time.Sleep(10 * time.Minute)
		_, err := a.RequestCargo(ctx)
		wantError(t, "while it is under way", err, admin.CodeNotYet, "a day after")
		l := must[*line](t)(waitingUp(ctx, b.n, gateway.UpCargo))
		defer l.close()
		up := must[*gateway.Collected](t)(l.next(ctx, false))
		if up == nil || up.Type != ramf.CCA {
			t.Fatalf("at the uplink: got %+v", up)
		}
		for _, raw := range must[cogrpc.Subscription](t)(c.Collect(ctx, up.Parcel)).(*answers).left {
			must[gateway.CargoTaken](t)(carry(ctx, b.n, []byte(raw), up.Key))
		}
		if err := l.ack(ctx, up.Key); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Minute)
		if left := must[[]admin.Parcel](t)(b.Queue(ctx)); len(left) != 0 {
			t.Errorf("at the uplink is left: %+v", left)
		}
		if again := must[admin.CargoRequest](t)(a.RequestCargo(ctx)); again.ID == got.ID {
			t.Errorf("the second request is the first")
		}
	})
}

// A whole gateway that is registered knows that nobody near it reaches the Internet, and says what it has.
func TestStatusTellsOfUplinksAndTheCourier(t *testing.T) {
	c := newCloud(t)
	ada := start(t, Config{StateDir: t.TempDir(), Name: "ada", Courier: Courier{Listen: "127.0.0.1:0"}}, nil)
	defer ada.stop()
	must[admin.Status](t)(ada.Up(t.Context(), admin.Up{Domain: "ridge"}))
	c.register(ada)
	if err := (powebAPI{ada.n}).Deliver(t.Context(), register(t, powebAPI{ada.n}, "alice").toTheInternet(t)); err != nil {
		t.Fatal(err)
	}
	s := must[admin.Status](t)(ada.Status(t.Context()))
	if len(s.Uplinks) != 1 || s.Uplinks[0].Address != "cloud.example" || !s.Uplinks[0].Registered || s.Uplinks[0].Live || s.Uplinks[0].Waiting != 1 || s.Uplinks[0].Until.IsZero() {
		t.Errorf("uplinks: got %+v", s.Uplinks)
	}
	if s.Courier == nil || s.Courier.Listen != ada.n.CourierAddr() {
		t.Errorf("courier: got %+v", s.Courier)
	}
	_, err := ada.RequestCargo(t.Context())
	wantError(t, "a gateway alone", err, admin.CodeNotYet, "packhorse courier")
}

func TestUplinksOfTheConfigurationComeFirst(t *testing.T) {
	got := uplinkViews([]UplinkHealth{{Address: "b.example", Problem: "no answer", Fix: "wait"}, {Address: "a.example", Live: true, Problem: "was slow"}},
		[]gateway.UplinkInfo{{Address: "a.example", Waiting: 2}, {Address: "old.example", Waiting: 2, Owed: 1}})
	want := []admin.Uplink{{Address: "b.example", Problem: "no answer", Fix: "wait"}, {Address: "a.example", Registered: true, Live: true, Waiting: 2}, {Address: "old.example", Registered: true, Waiting: 2, Owed: 1}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
