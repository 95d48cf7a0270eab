package link

import (
	"bytes"
	"crypto/cipher"
	"fmt"
	"reflect"

	"packhorse/link/wire"
)

// witness is an AEAD that remembers what was sealed under its key.
type witness struct {
	cipher.AEAD
	fail func(format string, args ...any)
	seen map[[wire.NonceSize]byte][]byte
}

// Seal fails the test when a nonce meets a second plaintext or a second header.
func (w *witness) Seal(dst, nonce, plain, head []byte) []byte {
	n := [wire.NonceSize]byte(nonce)
	what := append(append([]byte{byte(len(head))}, head...), plain...)
	if old, ok := w.seen[n]; ok && !bytes.Equal(old, what) {
		w.fail("nonce %x seals %x and %x", nonce, old[:min(len(old), 40)], what[:min(len(what), 40)])
	}
	w.seen[n] = what
	return w.AEAD.Seal(dst, nonce, plain, head)
}

// witnessed puts a witness behind each key that the core seals with.
func witnessed(c *Core, fail func(string, ...any)) {
	behind := func(k *sealer) {
		if _, ok := k.aead.(*witness); !ok {
			k.aead = &witness{k.aead, fail, map[[wire.NonceSize]byte][]byte{}}
		}
	}
	for _, s := range c.sessions {
		behind(s.sendControl)
		behind(s.sendData)
	}
	for _, p := range c.ports {
		if p.group != nil {
			behind(p.group.seal)
		}
	}
}

// sizes lists the length of every slice and map that the core holds, but not of octets, by where it is.
func sizes(c *Core, each func(path string, n int)) {
	walk(reflect.ValueOf(c).Elem(), "", map[uintptr]bool{}, each)
}

func walk(v reflect.Value, path string, seen map[uintptr]bool, each func(string, int)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] && v.Type().Elem().PkgPath() == reflect.TypeFor[Core]().PkgPath() {
			seen[v.Pointer()] = true
			walk(v.Elem(), path, seen, each)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name, seen, each)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 { // octets are accounted for elsewhere
			each(path, v.Len())
		}
		fallthrough
	case reflect.Array:
		if simple(v.Type().Elem().Kind()) {
			return
		}
		for i := range v.Len() {
			walk(v.Index(i), path+"[]", seen, each)
		}
	case reflect.Map:
		each(path, v.Len())
		for i := v.MapRange(); i.Next(); {
			walk(i.Value(), path+"[]", seen, each)
		}
	}
}

func simple(k reflect.Kind) bool { return k <= reflect.Complex128 || k == reflect.String }

// accounts checks what the core says of its own memory.
func accounts(c *Core) error {
	memory := 0
	for _, re := range c.order {
		memory += re.cost
	}
	if memory != c.memory || memory > c.cfg.MaxReassembly {
		return fmt.Errorf("%d octets accounted for, %d held, %d allowed", c.memory, memory, c.cfg.MaxReassembly)
	}
	return nil
}
