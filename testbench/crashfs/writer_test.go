//go:build linux

package crashfs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"sync"

	"packhorse/store"
)

// order is what a child is told to do in one phase.
type order struct {
	Dir    string
	Script script
	Phase  int
	State  []progress // of each writer
}

// progress is how far a writer came.
type progress struct {
	Next    int          // its next batch
	Pending bool         // the one before Next was begun, and nobody knows whether it is in the store
	Dropped map[int]bool // begun, and not in the store when it was opened again
}

// writeAsTold is a child's life: it reads an order, then says what happens, and begins a
// batch only when told that this was heard.
func writeAsTold() error {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	s, err := store.Open(o.Dir, o.Script.options())
	if err != nil {
		return err
	}
	w := writer{order: o, store: s, heard: make([]chan struct{}, o.Script.Writers)}
	if err := w.settle(); err != nil {
		return err
	}
	for i := range w.heard {
		w.heard[i] = make(chan struct{}, 1)
	}
	go w.listen(in)
	if err := w.all(); err != nil {
		return err
	}
	return s.Close()
}

type writer struct {
	order
	store *store.Store
	heard []chan struct{}
	mu    sync.Mutex // one line at a time
}

func (w *writer) say(what string, writer, batch int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Println(what, writer, batch)
}

func (w *writer) listen(in *bufio.Reader) {
	for {
		var who int
		if _, err := fmt.Fscanln(in, &who); err != nil {
			os.Exit(1) // the parent is gone
		}
		w.heard[who] <- struct{}{}
	}
}

// settle finds out what became of the batches that a kill interrupted.
func (w *writer) settle() error {
	for i, p := range w.State {
		if !p.Pending {
			continue
		}
		without := model{}
		for b := range p.Next - 1 {
			if !p.Dropped[b] {
				without.apply(w.Script.batch(i, b))
			}
		}
		with := maps.Clone(without)
		with.apply(w.Script.batch(i, p.Next-1))
		seen := observe(w.store, i)
		switch {
		case len(seen.differences(with)) == 0:
			w.say("seen", i, p.Next-1)
		case len(seen.differences(without)) == 0:
			w.say("dropped", i, p.Next-1)
		default:
			return fmt.Errorf("writer %d: a killed process left neither batch %d nor what was before it: %v", i, p.Next-1, seen.differences(without))
		}
	}
	return nil
}

// all runs the writers to the end of the phase.
func (w *writer) all() error {
	errs := make(chan error, len(w.State))
	for i, p := range w.State {
		go func() { errs <- w.one(i, p.Next) }()
	}
	for range w.State {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) one(i, next int) error {
	for b := next; b < (w.Phase+1)*w.Script.Batches; b++ {
		ops := w.Script.batch(i, b)
		w.say("began", i, b)
		<-w.heard[i]
		if err := w.apply(b, ops); err != nil {
			return err
		}
		w.say("acked", i, b)
	}
	return nil
}

// apply puts a large first value as a stream, now and then after one that is given up.
func (w *writer) apply(b int, ops []store.Op) error {
	if len(ops[0].Value) < streamed {
		return w.store.Apply(ops...)
	}
	if b%2 == 0 {
		s, err := w.stream(ops[0])
		if err != nil {
			return err
		}
		s.Abort()
	}
	s, err := w.stream(ops[0])
	if err != nil {
		return err
	}
	return s.Commit(ops[1:]...)
}

func (w *writer) stream(op store.Op) (*store.Writer, error) {
	s, err := w.store.Create(op.Kind, op.Key)
	if err == nil {
		_, err = s.Write(op.Value)
	}
	return s, err
}
