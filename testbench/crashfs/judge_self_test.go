//go:build linux

package crashfs

import (
	"maps"
	"testing"

	"packhorse/store"
)

// remembered is a store that answers from a model.
type remembered model

func (m remembered) Get(kind store.Kind, key string) ([]byte, error) {
	if v, there := m[name{kind, key}]; there {
		return v, nil
	}
	return nil, store.ErrNotFound
}

func TestJudgeTellsEveryFault(t *testing.T) {
	kept, gone, a, b := nameOf(0, 0), nameOf(0, 1), nameOf(0, 2), nameOf(0, 3)
	sure := model{kept: {1}, a: {2}, b: {3}}
	maybe := model{kept: {1}, a: {4}} // the batch that was begun changes a and deletes b
	for _, c := range []struct {
		title  string
		change func(model)
		want   verdict
	}{
		{"as it was", func(model) {}, verdict{}},
		{"with the batch", func(m model) { m[a] = []byte{4}; delete(m, b) }, verdict{begun: 1}},
		{"half of the batch", func(m model) { m[a] = []byte{4} }, verdict{split: 1}},
		{"lost", func(m model) { delete(m, kept) }, verdict{lost: 1}},
		{"altered", func(m model) { m[kept] = []byte{9} }, verdict{altered: 1}},
		{"empty", func(m model) { m[kept] = nil }, verdict{altered: 1}},
		{"back again", func(m model) { m[gone] = []byte{1} }, verdict{returned: 1}},
		{"lost beside the batch", func(m model) { m[a] = []byte{4}; delete(m, b); delete(m, kept) }, verdict{lost: 1}},
	} {
		t.Run(c.title, func(t *testing.T) {
			m := maps.Clone(sure)
			c.change(m)
			var got verdict
			got.writer(observe(remembered(m), 0), want{sure, maybe})
			c.want.checked = keysOfWriter
			got.faults = nil
			if got.String() != c.want.String() {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestHistoryKnowsWhatACrashMayShow(t *testing.T) {
	k := nameOf(0, 0)
	op := func(b byte) []store.Op { return []store.Op{{Kind: k.kind, Key: k.key, Value: []byte{b}}} }
	h := history{entries: [][]run{{{op(1), 10, 20, never}, {op(2), 30, never, 50}, {op(3), 60, 70, never}}}}
	for _, c := range []struct {
		at          int
		sure, maybe byte // 0: none
	}{{9, 0, 0}, {10, 0, 1}, {20, 1, 0}, {30, 1, 2}, {49, 1, 2}, {50, 1, 0}, {60, 1, 3}, {70, 3, 0}} {
		w := h.at(c.at)[0]
		var sure, maybe byte
		if v := w.sure[k]; v != nil {
			sure = v[0]
		}
		if v := w.maybe[k]; v != nil {
			maybe = v[0]
		}
		if sure != c.sure || maybe != c.maybe {
			t.Errorf("at %d: got %d or %d, want %d or %d", c.at, sure, maybe, c.sure, c.maybe)
		}
	}
}
