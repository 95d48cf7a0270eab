package store

import (
	"fmt"
	"slices"
	"strings"
)

// Rekey makes k open the vault, in place of the key of its kind if there is one. The data
// key stays, so nothing else is written; whoever kept an old copy of the file still opens
// that copy with the old key. After an error either key may be the one that fits.
func (v *Vault) Rekey(k Key) error {
	return v.change(func(next *vaultImage) { next.put(k, &v.data) })
}

// Forget takes a kind of key away. The last one is refused with ErrLastKey.
func (v *Vault) Forget(kind KeyKind) error {
	if kinds := v.kinds(); len(kinds) == 1 && kinds[0] == kind {
		return fmt.Errorf("%w: give it another key first: packhorse store rekey", ErrLastKey)
	}
	return v.change(func(next *vaultImage) { next.without(kind) })
}

// enter makes a phase durable.
func (v *Vault) enter(p Phase) error {
	return v.change(func(next *vaultImage) { next.vaultHead.Phase = p })
}

// change replaces the file.
func (v *Vault) change(f func(next *vaultImage)) error {
	next := v.clone()
	f(&next)
	copy(next.mac[:], v.macOf(next.body()))
	if err := replaceFile(v.files, v.path, next.marshal()); err != nil {
		return fmt.Errorf("store: cannot write the vault: %w", err)
	}
	v.vaultImage = next
	return nil
}

// put makes the only slot of k's kind.
func (m *vaultImage) put(k Key, data *[32]byte) {
	m.without(k.Kind())
	m.slots = append(m.slots, m.wrap(k, data))
}

func (m *vaultImage) without(kind KeyKind) {
	m.slots = slices.DeleteFunc(m.slots, func(s slot) bool { return s.Kind == kind })
}

// Kinds tells what opens the vault.
func (v *Vault) Kinds() []KeyKind { return v.kinds() }

func (m *vaultImage) kinds() []KeyKind {
	var out []KeyKind
	for _, s := range m.slots {
		out = append(out, s.Kind)
	}
	return out
}

func kindsOf(slots []slot) string {
	var names []string
	for _, s := range slots {
		names = append(names, "a "+s.Kind.String())
	}
	return strings.Join(names, " or ")
}
