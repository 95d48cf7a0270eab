package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/ramf"
)

// maxCCAs is how many collections one trip makes: they are kept in memory meanwhile.
const maxCCAs = 256

// trip takes cargo that is held for others where it is to go, and comes back with what answers.
type trip struct {
	core core
	line *line
	// dial opens a client of who takes cargo for an Internet gateway. It is closed after the visit unless we stay.
	dial  func(ctx context.Context, address string) (*cogrpc.Client, error)
	stay  bool
	pause time.Duration // between delivery and collection
	// keep holds a CCA until cargo came for it: another courier has taken it on, and we come again.
	keep bool

	ahead  *gateway.Collected // looked at and not taken
	ccas   []gateway.Collected
	failed map[string]error // by address, where nothing more is tried
	tripCounts
}

// tripCounts is what a trip came to.
type tripCounts struct{ delivered, collected, refused int }

// run takes all that waits, which the line hands out cargo first.
func (t *trip) run(ctx context.Context) error {
	t.failed = map[string]error{}
	for {
		x, err := t.peek(ctx)
		if err != nil {
			return err
		}
		if x == nil || x.Type == ramf.CCA && len(t.ccas) == maxCCAs {
			break
		}
		if x.Type == ramf.Cargo && t.failed[x.Address] == nil {
			t.visit(ctx, x.Address, t.deliver)
			continue
		}
		if x.Type == ramf.CCA {
			t.ccas = append(t.ccas, *x)
		}
		t.ahead = nil // it stays leased to the line, which is closed after a failure
	}
	if err := t.collectAll(ctx); err != nil {
		return err
	}
	return t.failure()
}

// failure joins what went wrong, in the order of addresses.
func (t *trip) failure() error {
	var all []string
	for address := range t.failed {
		all = append(all, address)
	}
	slices.Sort(all)
	var out error
	for _, address := range all {
		out = errors.Join(out, fmt.Errorf("%s: %w", address, t.failed[address]))
	}
	return out
}

// peek looks at what is next.
func (t *trip) peek(ctx context.Context) (*gateway.Collected, error) {
	var err error
	if t.ahead == nil {
		t.ahead, err = t.line.next(ctx, false)
	}
	return t.ahead, err
}

// visit does something at an Internet gateway; after a failure nothing more is tried there.
func (t *trip) visit(ctx context.Context, address string, do func(context.Context, *cogrpc.Client, string) error) {
	client, err := t.dial(ctx, address)
	if err == nil {
		err = do(ctx, client, address)
		if !t.stay {
			client.Close()
		}
	}
	if err != nil {
		t.failed[address] = err
	}
}

// deliver delivers cargo as long as it is for this address.
func (t *trip) deliver(ctx context.Context, client *cogrpc.Client, address string) error {
	var p pending
	err := client.Deliver(ctx, func(yield func(cogrpc.Cargo, error) bool) {
		for {
			x, err := t.peek(ctx)
			if err != nil {
				yield(cogrpc.Cargo{}, err)
				return
			}
			if x == nil || x.Type != ramf.Cargo || x.Address != address {
				return
			}
			t.ahead = nil
			p.add(x.Key)
			if !yield(cogrpc.Cargo{Key: x.Key, Raw: x.Parcel}, nil) {
				return
			}
		}
	}, func(key string) error {
		p.remove(key)
		t.delivered++
		return t.line.ack(ctx, key)
	})
	var e *cogrpc.Error
	if errors.As(err, &e) && e.Refusal == cogrpc.Invalid {
		return errors.Join(err, t.refuse(ctx, p.first(), e))
	}
	return err
}

// refuse drops what ended a delivery: cargo is looked at in order, so it is the first without an acknowledgement.
func (t *trip) refuse(ctx context.Context, key string, why error) error {
	if key == "" {
		return nil
	}
	t.refused++
	return t.line.drop(ctx, key, why.Error())
}

// collectAll presents every CCA, a while after the deliveries.
func (t *trip) collectAll(ctx context.Context) error {
	if len(t.ccas) > 0 && t.delivered > 0 {
		if err := pause(ctx, t.pause); err != nil {
			return err
		}
	}
	for _, x := range t.ccas {
		if t.failed[x.Address] == nil {
			t.visit(ctx, x.Address, func(ctx context.Context, client *cogrpc.Client, _ string) error {
				return t.collect(ctx, client, x)
			})
		}
	}
	return ctx.Err()
}

// collect fetches cargo with a CCA, which then has had its use, also when it is refused.
func (t *trip) collect(ctx context.Context, client *cogrpc.Client, cca gateway.Collected) error {
	n, err := client.Collect(ctx, cca.Parcel, func(cargo []byte) error {
		_, err := carry(context.WithoutCancel(ctx), t.core, cargo, cca.Key)
		var r *ramf.Error
		if errors.As(err, &r) {
			t.refused++
			return nil // it would be no better the next time
		}
		return err
	})
	t.collected += n
	var e *cogrpc.Error
	switch {
	case errors.As(err, &e):
		t.refused++
		return t.line.drop(ctx, cca.Key, e.Detail)
	case err != nil || t.keep && n == 0:
		return err
	}
	return t.line.ack(ctx, cca.Key)
}

// pending is what was sent and not acknowledged, in order. Safe for concurrent use.
type pending struct {
	mu   sync.Mutex
	keys []string
}

func (p *pending) add(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, key)
}

func (p *pending) remove(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.DeleteFunc(p.keys, func(k string) bool { return k == key })
}

// first is the oldest, empty when there is none.
func (p *pending) first() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.keys) == 0 {
		return ""
	}
	return p.keys[0]
}
