package shell

import (
	"sync"

	"packhorse/store"
)

// Disk carries out what a core wants of the store, in order. It never blocks who asks.
type Disk struct {
	apply  func(...store.Op) error
	done   func(seqs []uint64, err error)
	mu     sync.Mutex
	ready  *sync.Cond
	work   []job
	closed bool
}

// Batch becomes durable, all or nothing: first Ops, then what After does.
type Batch struct {
	Seq   uint64
	Ops   []store.Op
	After func() error // nil: nothing
}

// job is a batch, or another look at the store.
type job struct {
	batch *Batch
	call  func()
}

// NewDisk makes a disk that writes with apply. done hears of batches in order, those that were made durable together
// at once.
func NewDisk(apply func(...store.Op) error, done func(seqs []uint64, err error)) *Disk {
	d := &Disk{apply: apply, done: done}
	d.ready = sync.NewCond(&d.mu)
	return d
}

// Persist asks for a batch.
func (d *Disk) Persist(b Batch) { d.add(job{batch: &b}) }

// Call runs f when all batches before it are done.
func (d *Disk) Call(f func()) { d.add(job{call: f}) }

func (d *Disk) add(j job) {
	d.mu.Lock()
	d.work = append(d.work, j)
	d.mu.Unlock()
	d.ready.Signal()
}

// Close ends Run once all that was asked for is done.
func (d *Disk) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.ready.Signal()
}

// take waits for work and returns all of it; nil at the end.
func (d *Disk) take() []job {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.work) == 0 && !d.closed {
		d.ready.Wait()
	}
	work := d.work
	d.work = nil
	return work
}

// Run works until Close. Batches that wait together share one sync.
func (d *Disk) Run() {
	for work := d.take(); work != nil; work = d.take() {
		for len(work) > 0 {
			if work[0].call != nil {
				work[0].call()
				work = work[1:]
				continue
			}
			group := leading(work)
			d.persist(group)
			work = work[len(group):]
		}
	}
}

// maxGroup bounds what is made durable at once.
const maxGroup = 64

// leading are the batches that may share a sync: one with an After stands alone.
func leading(work []job) []*Batch {
	var group []*Batch
	for _, j := range work {
		if j.batch == nil || len(group) == maxGroup || len(group) > 0 && j.batch.After != nil {
			break
		}
		group = append(group, j.batch)
		if j.batch.After != nil {
			break
		}
	}
	return group
}

// persist makes batches durable together, or else each by itself: one that does not fit must not take the others
// with it.
func (d *Disk) persist(group []*Batch) {
	var ops []store.Op
	var seqs []uint64
	for _, b := range group {
		ops, seqs = append(ops, b.Ops...), append(seqs, b.Seq)
	}
	if len(group) > 1 && d.apply(ops...) == nil {
		d.done(seqs, nil)
		return
	}
	for i, b := range group {
		d.done(seqs[i:i+1], d.one(b))
	}
}

func (d *Disk) one(b *Batch) error {
	if len(b.Ops) > 0 {
		if err := d.apply(b.Ops...); err != nil {
			return err
		}
	}
	if b.After == nil {
		return nil
	}
	return b.After()
}
