package node

import (
	"context"
	"fmt"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
)

// cargoWay is how cargo of ours can come over the mesh.
func (n *Node) cargoWay(ctx context.Context) (w gateway.CargoWay, err error) {
	err = n.look(ctx, func(now time.Time, core *gateway.Core) { w = core.CargoWay(now) })
	return w, err
}

// RequestCargo asks for our cargo over the mesh.
func (a adminAPI) RequestCargo(ctx context.Context) (admin.CargoRequest, error) {
	return a.n.courier.request(ctx)
}

// request hands our collection authorisation to the mesh, unless one is under way.
func (c *courier) request(ctx context.Context) (admin.CargoRequest, error) {
	if !c.syncing.TryLock() {
		return admin.CargoRequest{}, errSyncing
	}
	defer c.syncing.Unlock()
	way, err := c.way(ctx)
	if err == nil {
		err = noRequest(way)
	}
	if err != nil {
		return admin.CargoRequest{}, err
	}
	made, err := c.core.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.MakeCCA{Token: t} })
	cca, _ := made.([]byte)
	if err == nil {
		_, err = carry(ctx, c.core, cca, "")
	}
	if err != nil {
		return admin.CargoRequest{}, adminError(err)
	}
	out := admin.CargoRequest{Exit: way.Exit, SizeBytes: len(cca), AirtimeS: way.Airtime.Seconds()}
	if way, err = c.way(ctx); err == nil && way.Asked != nil { // else the cargo is here already
		out.ID, out.To, out.Expires = way.Asked.ID, way.Asked.To, way.Asked.Expires.UTC()
	}
	return out, err
}

// noRequest says why cargo is not asked for over the mesh now.
func noRequest(w gateway.CargoWay) error {
	p := w.Asked
	switch {
	case w.Live:
		return &admin.Error{Code: admin.CodeRefused, Message: "this gateway reaches the Internet itself: its parcels come without being asked for", Fix: "packhorse status"}
	case !w.Registered:
		return &admin.Error{Code: admin.CodeNotYet, Message: "this gateway is registered with no Internet gateway: no cargo waits for it",
			Fix: "name one in [uplink] gateways; it registers as soon as the Internet is reached"}
	case p != nil && p.State == gateway.Saved:
		return &admin.Error{Code: admin.CodeNotYet, Message: fmt.Sprintf("a request for our cargo waits here already: %s", p.ID), Fix: "packhorse queue says what it waits for"}
	case p != nil:
		return &admin.Error{Code: admin.CodeNotYet, Message: fmt.Sprintf("a request for our cargo is under way: %s left at %s UTC", p.ID, p.Since.UTC().Format(time.DateTime)),
			Fix: "wait for the cargo; where none has come a day after the request left, ask again"}
	case w.Exit == "":
		return &admin.Error{Code: admin.CodeNotYet, Message: "no gateway of the domain that can be reached tells of an uplink", Fix: "find a courier: packhorse courier sync, or packhorse courier export DIR"}
	}
	return nil
}

// noCourier says what to do where no courier is on the network.
func (c *courier) noCourier(ctx context.Context, err error) error {
	fix := "packhorse courier sync --to ADDRESS"
	if w, unknown := c.way(ctx); unknown == nil && noRequest(w) == nil {
		fix = fmt.Sprintf("packhorse courier sync --mesh asks over the mesh, through %s: it costs 3.5 kB on each radio hop%s", w.Exit, ownAirtime(w.Airtime))
	}
	return &admin.Error{Code: admin.CodeNotFound, Message: err.Error(), Fix: fix}
}

func ownAirtime(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf(", about %.2g s of our airtime", d.Seconds())
}
