package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/ramf"
)

// visit is one visit to a courier with everything that we have for it.
type visit struct {
	*courier
	client *cogrpc.Client
	out    admin.CourierSync
}

var errSyncing = &admin.Error{Code: admin.CodeNotYet, Message: "a sync is running", Fix: "wait for its end"}

// sync finds a courier on this network, unless its address is given, fetches our cargo from it and gives it ours,
// then that which we hold for others.
func (c *courier) sync(ctx context.Context, to string) (admin.CourierSync, error) {
	if !c.syncing.TryLock() {
		return admin.CourierSync{}, errSyncing
	}
	defer c.syncing.Unlock()
	at, err := c.locate(ctx, to)
	if err != nil {
		return admin.CourierSync{}, err
	}
	client, err := cogrpc.DialCourier(at)
	if err != nil {
		return admin.CourierSync{}, &admin.Error{Code: admin.CodeUsage, Message: plain(err), Fix: "give the address of a phone or gateway on this network"}
	}
	defer client.Close()
	v := &visit{courier: c, client: client, out: admin.CourierSync{Courier: at.String()}}
	c.say("syncing with the courier at " + at.String())
	err = v.run(ctx)
	if err == nil {
		c.note(func(s *admin.CourierState) { s.Synced = time.Now().UTC() })
	}
	return v.out, visitError(err)
}

// visitError tells what to do about what a courier said.
func visitError(err error) error {
	var e *cogrpc.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Refusal == cogrpc.Full:
		return &admin.Error{Code: admin.CodeQuota, Message: "the courier has no room: " + e.Detail, Fix: "let it reach the Internet, then sync again"}
	case errors.As(err, &e):
		return &admin.Error{Code: admin.CodeRefused, Message: "the courier refuses: " + e.Detail, Fix: "packhorse doctor"}
	}
	return adminError(err)
}

// locate is where the courier is.
func (c *courier) locate(ctx context.Context, to string) (netip.AddrPort, error) {
	if to == "" {
		at, err := c.find(ctx)
		if err != nil {
			return at, c.noCourier(ctx, err)
		}
		return at, nil
	}
	if a, err := netip.ParseAddr(to); err == nil {
		return netip.AddrPortFrom(a, cogrpc.Port), nil
	}
	at, err := netip.ParseAddrPort(to)
	if err != nil {
		return at, &admin.Error{Code: admin.CodeUsage, Message: fmt.Sprintf("%q is no IP address", to), Fix: "packhorse courier sync --to 192.168.43.1"}
	}
	return at, nil
}

// run does ours, then what we hold for others. A gateway that is registered nowhere has only that.
func (v *visit) run(ctx context.Context) error {
	made, unregistered := v.core.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.MakeCCA{Token: t} })
	var g *gateway.Error
	if unregistered != nil && (!errors.As(unregistered, &g) || g.Code != "not_yet") {
		return unregistered
	}
	if cca, ok := made.([]byte); ok {
		if err := v.exchange(ctx, cca); err != nil {
			return err
		}
	}
	if err := v.relay(ctx); err != nil {
		return err
	}
	if v.out.RelayedIn+v.out.RelayedOut == 0 {
		return unregistered
	}
	return nil
}

// exchange fetches our cargo, then gives ours.
func (v *visit) exchange(ctx context.Context, cca []byte) error {
	if err := v.collect(ctx, cca); err != nil {
		return err
	}
	v.say(fmt.Sprintf("fetched %d cargo with %d parcels; waiting for answers", v.out.CargoIn, v.out.ParcelsIn))
	if err := pause(ctx, v.waits.Visit); err != nil {
		return err
	}
	if err := v.deliver(ctx); err != nil {
		return err
	}
	v.say(fmt.Sprintf("gave %d cargo with %d parcels", v.out.CargoOut, v.out.ParcelsOut))
	return nil
}

func (v *visit) collect(ctx context.Context, raw []byte) error {
	n, err := v.client.Collect(ctx, raw, func(cargo []byte) error { return v.open(context.WithoutCancel(ctx), cargo) })
	v.out.CargoIn += n
	return err
}

// open takes what is in a cargo. A bad one is let go of: it would be no better the next time.
func (v *visit) open(ctx context.Context, cargo []byte) error {
	taken, err := carry(ctx, v.core, cargo, "")
	var r *ramf.Error
	if errors.As(err, &r) {
		v.out.Refused++
		return nil
	}
	v.out.ParcelsIn += taken.Parcels
	v.out.AcksIn += taken.Acks
	v.out.Refused += taken.Refused
	return err
}

// deliver gives our parcels, sealed as cargo. They stay here until the Internet gateway has acknowledged them.
func (v *visit) deliver(ctx context.Context) error {
	l, err := waitingUp(ctx, v.core, gateway.UpParcels)
	if err != nil {
		return err
	}
	defer l.close()
	return v.client.Deliver(ctx, func(yield func(cogrpc.Cargo, error) bool) {
		for {
			made, err := v.seal(ctx, l.sub)
			if err != nil {
				yield(cogrpc.Cargo{}, err)
				return
			}
			if made == nil || !yield(cogrpc.Cargo{Raw: made.Raw}, nil) {
				return
			}
			v.out.ParcelsOut += made.Parcels
			v.out.AcksOut += made.Acks
		}
	}, func(string) error { v.out.CargoOut++; return nil })
}

// seal makes the next cargo, nil when nothing is left.
func (v *visit) seal(ctx context.Context, sub uint64) (*gateway.CargoMade, error) {
	x, err := v.core.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.MakeCargo{Token: t, Sub: sub} })
	made, _ := x.(*gateway.CargoMade)
	return made, err
}

// relay gives on what we hold for others, and fetches theirs.
func (v *visit) relay(ctx context.Context) error {
	l, err := waitingUp(ctx, v.core, gateway.UpCargo)
	if err != nil {
		return err
	}
	defer l.close()
	phone := func(context.Context, string) (*cogrpc.Client, error) { return v.client, nil }
	t := &trip{core: v.core, line: l, dial: phone, stay: true, keep: true}
	err = t.run(ctx)
	v.out.RelayedOut, v.out.RelayedIn = t.delivered, t.collected
	v.out.Refused += t.refused
	if t.delivered+t.collected > 0 {
		v.say(fmt.Sprintf("for others: delivered %d cargo, collected %d", t.delivered, t.collected))
	}
	return err
}
