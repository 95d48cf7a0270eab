package storetrial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"

	"packhorse/store"
)

// name is what a value is found by.
type name struct {
	kind store.Kind
	key  string
}

// held is a value in a model: its octets follow from its number and size, so that a model is small.
type held struct {
	number uint64
	size   int
}

// noise is what values are cut from.
var noise = func() []byte {
	b := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}()

const largest = 1 << 20

func (h held) parts() (head, body []byte) {
	head = binary.BigEndian.AppendUint64(nil, h.number)
	head = head[:min(8, h.size)]
	from := int(h.number * 4099 % (1 << 20))
	return head, noise[from : from+h.size-len(head)]
}

func (h held) octets() []byte {
	head, body := h.parts()
	return append(append(make([]byte, 0, h.size), head...), body...)
}

func (h held) is(b []byte) bool {
	head, body := h.parts()
	return len(b) == h.size && bytes.HasPrefix(b, head) && bytes.Equal(b[len(head):], body)
}

// model is what a store must hold.
type model map[name]held

// change is an op of a batch as a model takes it.
type change struct {
	name
	held
	delete bool
}

func (m model) apply(changes []change) {
	for _, c := range changes {
		if c.delete {
			delete(m, c.name)
		} else {
			m[c.name] = c.held
		}
	}
}

func opsOf(changes []change) []store.Op {
	ops := make([]store.Op, len(changes))
	for i, c := range changes {
		ops[i] = store.Op{Kind: c.kind, Key: c.key, Delete: c.delete}
		if !c.delete {
			ops[i].Value = c.octets()
		}
	}
	return ops
}

// compare is what a store answers to Get and Each where a model says otherwise.
func (m model) compare(s *store.Store) (wrong []string) {
	for n := range m {
		wrong = append(wrong, m.compareOne(s, n)...)
	}
	for kind := range kinds {
		wrong = append(wrong, m.compareKind(s, kind)...)
	}
	return wrong
}

// compareOne gets a name that may have a value.
func (m model) compareOne(s *store.Store, n name) []string {
	want, there := m[n]
	got, err := s.Get(n.kind, n.key)
	switch {
	case !there && !errors.Is(err, store.ErrNotFound):
		return []string{say("Get(%d, %q): got %d octets, %v, want %v", n.kind, n.key, len(got), err, store.ErrNotFound)}
	case there && (err != nil || !want.is(got)):
		return []string{say("Get(%d, %q): got %d octets, %v, want value %d of %d octets", n.kind, n.key, len(got), err, want.number, want.size)}
	}
	return nil
}

// compareKind visits all of a kind.
func (m model) compareKind(s *store.Store, kind store.Kind) (wrong []string) {
	seen := map[string]bool{}
	err := each(s, kind, func(key string, value []byte) {
		if want, ok := m[name{kind, key}]; !ok || !want.is(value) || seen[key] {
			wrong = append(wrong, say("Each(%d) visits %q with %d octets; it has a value: %v; of %d octets; seen before: %v", kind, key, len(value), ok, want.size, seen[key]))
		}
		seen[key] = true
	})
	if err != nil {
		wrong = append(wrong, say("Each(%d): %v", kind, err))
	}
	for n := range m {
		if n.kind == kind && !seen[n.key] {
			wrong = append(wrong, say("Each(%d) leaves out %q", kind, n.key))
		}
	}
	return wrong
}

// each visits a kind; damage is an error.
func each(s *store.Store, kind store.Kind, visit func(key string, value []byte)) error {
	var damage error
	err := s.Each(kind, func(key string, value []byte) error {
		visit(key, value)
		return nil
	}, func(err error) { damage = err })
	return errors.Join(err, damage)
}

// names lists a model's names in an order of their own.
func (m model) names() []name {
	return slices.SortedFunc(maps.Keys(m), func(a, b name) int {
		return bytes.Compare(append([]byte{byte(a.kind)}, a.key...), append([]byte{byte(b.kind)}, b.key...))
	})
}
