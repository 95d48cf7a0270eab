package node

import (
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/store"
)

// diskQueue keeps what the core wants of the store, in order. It never blocks the owner.
type diskQueue struct {
	mu     sync.Mutex
	ready  *sync.Cond
	work   []gateway.Event // Persist or Load
	closed bool
}

func (q *diskQueue) init() { q.ready = sync.NewCond(&q.mu) }

func (q *diskQueue) add(e gateway.Event) {
	q.mu.Lock()
	q.work = append(q.work, e)
	q.mu.Unlock()
	q.ready.Signal()
}

// close ends the queue once what is in it has been done.
func (q *diskQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.ready.Signal()
}

// take waits for work and returns all of it; nil at the end.
func (q *diskQueue) take() []gateway.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.work) == 0 && !q.closed {
		q.ready.Wait()
	}
	work := q.work
	q.work = nil
	return work
}

// writeDisk carries out batches and loads in order. Batches that wait together share one sync.
func (n *Node) writeDisk() {
	for work := n.disk.take(); work != nil; work = n.disk.take() {
		for len(work) > 0 {
			if l, ok := work[0].(gateway.Load); ok {
				n.loadOne(l)
				work = work[1:]
				continue
			}
			group := leadingBatches(work)
			n.persistGroup(group)
			work = work[len(group):]
		}
	}
}

// maxGroup bounds what is made durable at once.
const maxGroup = 64

// leadingBatches are the batches that may share a sync: a batch with secrets stands alone.
func leadingBatches(work []gateway.Event) []gateway.Persist {
	var group []gateway.Persist
	for _, e := range work {
		p, ok := e.(gateway.Persist)
		if !ok || len(group) == maxGroup || len(group) > 0 && len(p.Secrets) > 0 {
			break
		}
		group = append(group, p)
		if len(p.Secrets) > 0 {
			break
		}
	}
	return group
}

// persistGroup makes batches durable together, or else each by itself: one that does not fit must not
// take the others with it.
func (n *Node) persistGroup(group []gateway.Persist) {
	var ops []store.Op
	for _, p := range group {
		ops = append(ops, p.Ops...)
	}
	if len(group) > 1 && n.cfg.apply(n.store, ops...) == nil {
		n.persisted(group, nil)
		return
	}
	for i := range group {
		n.persisted(group[i:i+1], n.persistOne(group[i]))
	}
}

func (n *Node) persistOne(p gateway.Persist) error {
	if len(p.Ops) > 0 {
		if err := n.cfg.apply(n.store, p.Ops...); err != nil {
			return err
		}
	}
	for _, s := range p.Secrets {
		if err := n.secrets.Write(s.Name, s.Value); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) persisted(group []gateway.Persist, err error) {
	room := n.store.Room()
	n.fromDisk(func(now time.Time) {
		for _, p := range group {
			n.core.HandleEvent(now, gateway.Persisted{Seq: p.Seq, Err: err})
		}
		n.core.HandleEvent(now, gateway.Room{Bytes: room})
	})
}

func (n *Node) loadOne(l gateway.Load) {
	v, err := n.store.Get(l.Kind, l.Key)
	n.fromDisk(func(now time.Time) {
		n.core.HandleEvent(now, gateway.Loaded{Kind: l.Kind, Key: l.Key, Value: v, Err: err})
	})
}

// fromDisk tells the owner, unless it has ended.
func (n *Node) fromDisk(f func(now time.Time)) {
	select {
	case n.inbox <- f:
	case <-n.done:
	}
}
