package node

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/ramf"
)

// stickRun is the cargo of ours, or the CCA, that one export made for an Internet gateway. Cargo is sealed anew each time and
// holds all that waits, so what an earlier run wrote on a stick is either still all of it, or needless. The memory ends with
// the process: then a stick may hold the same twice until it expires, and the Internet gateway takes it once.
type stickRun struct {
	address string
	cca     bool
	up      [32]byte // what waited then
	at      time.Time
	names   []string
}

const (
	maxStickRuns = 64
	leastCargo   = 32 << 10           // room below which no cargo of ours is begun
	freshCCA     = 7 * 24 * time.Hour // of the 14 days that a CCA is good for
)

// own adds a CCA for each Internet gateway that we are registered with, and cargo for the preferred one.
func (x *stickExport) own(files []admin.StickFile, v gateway.StickVerdict) error {
	var ups []gateway.UplinkInfo
	if err := x.n.look(x.ctx, func(now time.Time, c *gateway.Core) { ups = c.Uplinks(now) }); err != nil {
		return err
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f.Name] = !slices.Contains(v.Over, f.Name)
	}
	for i, u := range ups {
		if err := x.ownCCA(u.Address, there); err != nil {
			return err
		}
		if i == 0 && u.Waiting+u.Owed > 0 {
			if err := x.ownCargo(u.Address, v.Up, there); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownCCA asks for what waits for us, unless the stick does already.
func (x *stickExport) ownCCA(address string, there map[string]bool) error {
	run := stickRun{address: address, cca: true, at: time.Now()}
	fresh := func(r stickRun) bool { return time.Since(r.at) < freshCCA }
	if x.n.onStick(run, there, fresh) || x.room < leastCargo {
		return nil
	}
	raw, err := askFor[[]byte](x.ctx, x.n, func(t gateway.Token) gateway.Event { return gateway.MakeCCA{Token: t, Address: address} })
	if err != nil {
		return x.without("no request for cargo was made", err)
	}
	run.add(ramf.CCA, raw)
	if err := x.hand(admin.CourierPart{Kind: stickKind(ramf.CCA), To: address, Priority: priorityWords[1], Content: raw}); err != nil {
		return err
	}
	return x.replace(run, there)
}

// ownCargo writes all that waits for the Internet, unless it is on the stick.
func (x *stickExport) ownCargo(address string, up [32]byte, there map[string]bool) error {
	run := stickRun{address: address, up: up, at: time.Now()}
	if x.n.onStick(run, there, func(r stickRun) bool { return r.up == up }) {
		return nil
	}
	sub := x.n.subs.Add(1)
	if err := x.n.tell(x.ctx, gateway.CollectUp{Sub: sub, What: gateway.UpParcels}); err != nil {
		return err
	}
	defer x.n.tell(context.WithoutCancel(x.ctx), gateway.CloseCollect{Sub: sub})
	for {
		if x.room < leastCargo {
			x.short = true
			return nil
		}
		m, err := askFor[*gateway.CargoMade](x.ctx, x.n, func(t gateway.Token) gateway.Event {
			return gateway.MakeCargo{Token: t, Sub: sub, Address: address, Max: int(min(x.room/x.block*x.block, ramf.MaxMessage))}
		})
		if err != nil {
			return x.without("no cargo was made", err)
		}
		if m == nil {
			return x.replace(run, there)
		}
		run.add(ramf.Cargo, m.Raw)
		if err := x.hand(admin.CourierPart{Kind: stickKind(ramf.Cargo), To: address, Priority: priorityWords[1], Expires: m.Expires, Content: m.Raw}); err != nil {
			return err
		}
	}
}

// without goes on when there is no cargo to be had, unless whoever asked has gone.
func (x *stickExport) without(what string, err error) error {
	if x.ctx.Err() != nil {
		return x.ctx.Err()
	}
	x.n.log.Warn(what+" for a stick", "error", err)
	return nil
}

func (r *stickRun) add(t ramf.Type, raw []byte) {
	r.names = append(r.names, gateway.CargoName(t, sha256.Sum256(raw)))
}

func (r stickRun) like(o stickRun) bool { return r.address == o.address && r.cca == o.cca }

// onStick tells whether all files of an earlier run that still is good are there.
func (n *Node) onStick(like stickRun, there map[string]bool, good func(stickRun) bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.stickRuns, func(r stickRun) bool {
		return r.like(like) && good(r) && !slices.ContainsFunc(r.names, func(name string) bool { return !there[name] })
	})
}

// replace notes a run that is whole, and lets what earlier ones left on this stick go.
func (x *stickExport) replace(run stickRun, there map[string]bool) error {
	if len(run.names) == 0 {
		return nil
	}
	var old []string
	x.n.mu.Lock()
	for _, r := range x.n.stickRuns {
		for _, name := range r.names {
			if r.like(run) && there[name] {
				old = append(old, name)
			}
		}
	}
	x.n.stickRuns = append(x.n.stickRuns, run)
	x.n.stickRuns = x.n.stickRuns[max(len(x.n.stickRuns)-maxStickRuns, 0):]
	x.n.mu.Unlock()
	if len(old) == 0 {
		return nil
	}
	return x.each(admin.CourierPart{Over: old})
}
