package cogrpc

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"
)

// delivery is the client's side of one DeliverCargo.
type delivery struct {
	call    *call
	acked   func(key string) error
	goodbye func()

	mu      sync.Mutex
	waiting map[string]string // key of the cargo that went out under an id
	sent    bool              // all that there was
}

func newDelivery(c *call, acked func(string) error, farewell time.Duration) *delivery {
	return &delivery{call: c, acked: acked, waiting: map[string]string{}, goodbye: sync.OnceFunc(func() {
		c.CloseSend()
		c.alarm.Reset(farewell)
	})}
}

// send sends until there is no more or the server ends the call, which listen tells.
func (d *delivery) send(cargos iter.Seq2[Cargo, error]) error {
	for c, err := range cargos {
		if err != nil {
			return err
		}
		id := newID()
		d.await(id, c.Key)
		if err := d.call.SendMsg(&message{id, c.Raw}); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return d.call.why(err)
		}
		d.call.moved()
	}
	d.mu.Lock()
	d.sent = true
	d.mu.Unlock()
	d.leave()
	return nil
}

func (d *delivery) await(id, key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[id] = key
}

func (d *delivery) finished() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent && len(d.waiting) == 0
}

// leave says goodbye when all is acknowledged. Before that a server may take it for the end of the call and
// acknowledge no more.
func (d *delivery) leave() {
	if d.finished() {
		d.goodbye()
	}
}

// listen hears acknowledgements until the call ends.
func (d *delivery) listen() error {
	for {
		var m message
		if err := d.call.RecvMsg(&m); errors.Is(err, io.EOF) {
			return d.ended()
		} else if err != nil {
			return d.call.why(err)
		}
		if err := d.acknowledge(m.id); err != nil {
			d.call.end(err)
			return err
		}
	}
}

func (d *delivery) ended() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Errorf("cogrpc: the other side ended the call with %d cargo not acknowledged; try again", len(d.waiting))
}

// acknowledge passes an acknowledgement on. An id that is not ours, or comes twice, means nothing.
func (d *delivery) acknowledge(id string) error {
	key, ok := d.wants(id)
	if !ok {
		return nil
	}
	d.call.moved()
	if err := d.acked(key); err != nil {
		return err
	}
	d.forget(id)
	d.leave()
	return nil
}

func (d *delivery) wants(id string) (key string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key, ok = d.waiting[id]
	return key, ok
}

func (d *delivery) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waiting, id)
}
