package storetrial

import (
	"errors"
	"maps"

	"packhorse/store"
)

// witness writes to a store on a disk that fails, and remembers what it was told.
type witness struct {
	*draw
	m      model
	failed [][]change // since the last success: one of these may come back when the process dies
}

func newWitness(seed uint64) *witness {
	return &witness{draw: newDraw(seed, 5), m: model{}}
}

// batch has two changes at least, so that half a batch would show.
func (w *witness) batch() []change { return append(w.draw.batch(), w.draw.batch()...) }

// told takes the answer to a batch.
func (w *witness) told(changes []change, err error) {
	switch {
	case err == nil:
		w.m.apply(changes)
		w.failed = nil
	case !errors.Is(err, store.ErrFull):
		w.failed = append(w.failed, changes)
	}
}

// judge compares a store that was opened after the process died.
func (w *witness) judge(s *store.Store) []string {
	wrong := w.m.compare(s)
	for _, f := range w.failed {
		if len(wrong) == 0 {
			break
		}
		with := maps.Clone(w.m)
		with.apply(f)
		if len(with.compare(s)) == 0 {
			w.m, wrong = with, nil
		}
	}
	w.failed = nil
	return wrong
}
