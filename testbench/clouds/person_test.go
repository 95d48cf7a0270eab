package clouds

import (
	"context"
	"sync"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

// person is an endpoint that speaks PoWeb with its private gateway.
type person struct {
	*app
	at   *process
	got  chan []byte
	seen map[string]int
	ends int // of collections: an acknowledgement may have been cut off with each
	stop func()
}

func newPerson(t *testing.T, name string, at *process) *person {
	now := time.Now()
	p := &person{app: &app{t: t, name: name, now: &now, key: pkitest.Key(t, "app "+name)}, at: at, got: make(chan []byte, 100), seen: map[string]int{}}
	p.enrol()
	p.ring = session.NewRing(p.id, 1000)
	p.open()
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *person) client() *poweb.Client {
	return must[*poweb.Client](p.t)(poweb.NewClient(poweb.ClientOptions{URL: "http://" + p.at.n.PoWebAddr(), Timeout: patience}))
}

func (p *person) enrol() {
	c := p.client()
	defer c.Close()
	r := must[registration.Result](p.t)(registration.ParseResult(must[[]byte](p.t)(c.RegisterKey(context.Background(), p.key))))
	p.cert, p.gw, p.id, p.address, p.pdas = r.Node, r.Gateway, r.Node.ID, r.Address, map[pki.NodeID]*pki.Certificate{}
}

func (p *person) signer() poweb.Signer { return poweb.Signer{Certificate: p.cert, Key: p.key} }

// open begins to collect.
func (p *person) open() {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	c := p.client()
	wg.Go(func() {
		c.Collect(ctx, poweb.Collection{Signers: []poweb.Signer{p.signer()}, Keep: true, Take: func(_ context.Context, b []byte) error {
			p.got <- b
			return nil
		}})
	})
	p.stop = func() {
		p.ends++
		cancel()
		wg.Wait()
		c.Close()
	}
}

// reopen ends the program and starts it again; what it must not forget is its keys.
func (p *person) reopen() {
	p.stop()
	p.open()
}

// post writes to another, and gives the id.
func (p *person) post(to *person) string {
	p.t.Helper()
	*p.now = time.Now()
	m, raw := p.write(to.app, time.Hour)
	p.hand(raw)
	return m.ID
}

func (p *person) hand(raw []byte) {
	p.t.Helper()
	c := p.client()
	defer c.Close()
	if err := c.Deliver(context.Background(), raw, p.signer()); err != nil {
		p.t.Fatal(err)
	}
}

// await waits until all of the ids came, each once.
func (p *person) await(ids ...string) {
	p.t.Helper()
	late := time.After(patience)
	for !p.has(ids) {
		select {
		case raw := <-p.got:
			id, _ := p.read(raw)
			if p.seen[id]++; p.seen[id] > 1+p.ends {
				p.t.Errorf("%s came %d times to %s", id, p.seen[id], p.name)
			}
		case <-late:
			p.t.Fatalf("%s waits for %q and has %v; its gateway: %q", p.name, ids, p.seen, p.at.log.lines)
		}
	}
}

// none says that nothing waits that was not seen, and nothing that was acknowledged.
func (p *person) none() {
	p.t.Helper()
	p.stop()
	for len(p.got) > 0 {
		p.read(<-p.got)
		p.t.Errorf("more came to %s", p.name)
	}
	c := p.client()
	defer c.Close()
	err := c.Collect(context.Background(), poweb.Collection{Signers: []poweb.Signer{p.signer()}, Take: func(_ context.Context, b []byte) error {
		id, _ := p.read(b)
		p.t.Errorf("%s waits for %s again", id, p.name)
		return nil
	}})
	if err != nil {
		p.t.Error(err)
	}
	p.open()
}

func (p *person) has(ids []string) bool {
	for _, id := range ids {
		if p.seen[id] == 0 {
			return false
		}
	}
	return true
}
