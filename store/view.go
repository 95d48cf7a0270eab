package store

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// LookOptions say how to read a store that may be in use.
type LookOptions struct {
	Cipher cipher.AEAD // of a sealed store; nil: none, or not at hand
	// Progress is called after each bucket with the octets read and those there are; nil: nobody asks.
	Progress func(done, total int64)

	disk disk
}

// View is what a store held at one moment. It has no lock and changes nothing. It is not safe for concurrent use.
type View struct {
	s      *Store // never opened: neither lock nor goroutine
	x      *survey
	held   *heldDisk
	inUse  bool
	sealed bool // and there is no key

	// What the snapshot knows that the damaged log does not tell.
	struck  map[id]loc // values of which a record is spoiled, and where their put is
	hidden  []loc      // whole records inside of damage
	revived []revival
}

// lookTries bounds how often a directory is listed anew because a bucket went while its files were opened.
const lookTries = 20

// Look reads a whole store, also while a process has it open. ErrSealed says that it needs the key.
func Look(dir string, o LookOptions) (*View, error) {
	v, err := look(dir, o)
	if err == nil && v.sealed {
		v.Close()
		err = ErrSealed
	}
	if err == nil {
		if err = v.read(); err != nil {
			v.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("store: reading %s: %w", dir, err)
	}
	return v, nil
}

// look holds the files. A file that is held can be read to its end even when it is removed meanwhile.
func look(dir string, o LookOptions) (v *View, err error) {
	if o.disk == nil {
		o.disk = osDisk{}
	}
	for range lookTries {
		v = &View{held: &heldDisk{disk: o.disk, files: map[string]heldFile{}, deaf: map[string][]stretch{}, progress: o.Progress},
			inUse: locked(filepath.Join(dir, lockName))}
		v.x, err = surveyOf(o.disk, dir, o.Cipher)
		if v.x.disk = v.held; err == nil {
			err = v.held.hold(v.x.buckets)
		}
		if err == nil {
			break
		}
		v.Close()
		if !v.inUse || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	v.sealed = o.Cipher == nil && v.looksSealed()
	v.s = &Store{dir: dir, disk: v.held, o: Options{Cipher: o.Cipher}}
	return v, nil
}

// read works out what counts.
func (v *View) read() error {
	x := v.x
	err := x.read()
	v.condemn()
	if err == nil && x.snap != nil && len(x.damage) > 0 {
		err = v.readAgain()
	}
	v.s.state = x.state
	return err
}

// readAgain goes through a damaged log without the snapshot, and adds what that knows.
func (v *View) readAgain() error {
	before := v.x.state
	v.x.index, v.x.large = index{}, nil
	v.x.rebuild()
	err := v.x.read()
	v.condemn()
	if err == nil {
		err = v.merge(&before)
	}
	return err
}

// condemn tells of what could not be read at the end of the log: nobody knows that it was torn.
func (v *View) condemn() {
	x := v.x
	for _, b := range x.buckets {
		for _, d := range v.held.deaf[b.path()] {
			if at := (place{b.number, int64(d.from)}); !at.before(x.cut) {
				x.torn = 0
				x.harm(b, at.off, int64(d.to-d.from), 0, "cannot be read")
				b.size = v.held.files[b.path()].size
				x.cut = place{b.number, b.size}
			}
		}
	}
}

// hit tells whether a record lies in damage.
func (x *survey) hit(l loc) bool {
	number := x.numberOf(l.seq)
	if b := x.bucket(number); b != nil && !b.damaged {
		return false
	}
	return slices.ContainsFunc(x.damage, func(d Damage) bool { return d.covers(number, l) })
}

// looksSealed tells by the first record that can be judged.
func (v *View) looksSealed() bool {
	for _, b := range v.x.buckets {
		var head [binary.MaxVarintLen64 + 1]byte
		n, _ := v.held.files[b.path()].ReadAt(head[:], 0)
		if _, w := binary.Uvarint(head[:n]); w > 0 && w < n && (head[w] == versionSealed || head[w] == versionClear) {
			return head[w] == versionSealed
		}
	}
	return false
}

// Close lets go of the files.
func (v *View) Close() { v.held.release() }

// Value reads a live value. ErrNotFound and ErrDamaged are as Get has them.
func (v *View) Value(k Kind, key string) ([]byte, error) {
	r := reader{disk: v.held}
	_, value, err := v.s.valueOf(&r, idOf(k, []byte(key)))
	return value, err
}

// Kinds tells what each kind takes.
func (v *View) Kinds() map[Kind]Share { return v.s.kinds() }
