package store

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
)

func (d *Directory) next() string { return besides(d.Store) }
func (d *Directory) old() string {
	return filepath.Join(filepath.Dir(d.Store), "."+filepath.Base(d.Store)+".old")
}

// claim keeps everybody else from the store: it is open to be copied, or only locked.
type claim struct {
	from *Store
	lock *lockFile
}

// claim opens the store if it is to be copied and was not yet.
func (d *Directory) claim(copying bool, o Options) (c claim, err error) {
	there, err := exists(d.Store)
	if err != nil || !there {
		return c, err
	}
	swapping, err := exists(d.old())
	if err != nil {
		return c, err
	}
	if copying && !swapping {
		o.readAll = true
		c.from, err = Open(d.Store, o)
	} else {
		c.lock, err = acquire(filepath.Join(d.Store, lockName))
	}
	return c, err
}

func (c claim) release() {
	if c.from != nil {
		c.from.Abandon() // nothing was written, and its directory may have another name
	}
	if c.lock != nil {
		c.lock.release()
	}
}

// rewrite puts a copy made with other options in the place of the store. The lock holds until it is there; from then
// on the vault's phase keeps gateways from starting.
func (d *Directory) rewrite(c claim, o Options) (records int, err error) {
	defer c.release()
	if c.from != nil {
		return d.copyAndSwap(c.from, o)
	}
	swapping, err := exists(d.old())
	if err != nil || !swapping || c.lock != nil {
		return 0, err
	}
	return 0, d.moveIn()
}

func (d *Directory) copyAndSwap(from *Store, o Options) (records int, err error) {
	if err := d.files.remove(d.next()); err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	if records, err = from.copyTo(d.next(), o); err != nil {
		return 0, errors.Join(err, d.files.remove(d.next()))
	}
	if err := d.swap(d.Store, d.old()); err != nil {
		return 0, err
	}
	return records, d.moveIn()
}

func (d *Directory) moveIn() error { return d.swap(d.next(), d.Store) }

func (d *Directory) swap(from, to string) error {
	err := d.files.rename(from, to)
	if err == nil {
		err = d.files.syncDir(filepath.Dir(to))
	}
	if err != nil {
		return fmt.Errorf("store: cannot put the copy in its place: %w", err)
	}
	return nil
}

// copyGroup is how many octets of values share a sync.
const copyGroup = 1 << 20

// copyTo makes another store with the same values, durably. It leaves nothing behind: damage is an error.
func (s *Store) copyTo(dir string, o Options) (records int, err error) {
	if n := s.Stats().Damaged; n > 0 {
		return 0, spoiled(fmt.Errorf("%d places", n))
	}
	aside, err := quarantined(s.disk, s.dir)
	if err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	if len(aside) > 0 {
		return 0, fmt.Errorf("%w: %s holds what was put aside by a repair, and would be lost; nothing was changed: move it elsewhere and try again",
			ErrDamaged, filepath.Join(s.dir, quarantineName))
	}
	o.MaxBytes, o.MaxRecords = math.MaxInt64, math.MaxInt64 // what is there may stay, though sealed it is larger
	to, err := Open(dir, o)
	if err != nil {
		return 0, err
	}
	c := &copier{to: to}
	for kind := range math.MaxUint8 + 1 {
		err = errors.Join(err, s.Each(Kind(kind), func(key string, value []byte) error {
			return c.add(Op{Kind: Kind(kind), Key: key, Value: value})
		}, func(err error) { c.bad = spoiled(err) }))
	}
	err = errors.Join(err, c.bad, c.flush(), to.Close())
	return c.records, err
}

// copier writes values in groups.
type copier struct {
	to      *Store
	ops     []Op
	size    int
	records int
	bad     error
}

func (c *copier) add(op Op) error {
	c.ops = append(c.ops, op)
	if c.size += len(op.Key) + len(op.Value); c.size < copyGroup {
		return nil
	}
	return c.flush()
}

func (c *copier) flush() error {
	err := c.to.Apply(c.ops...)
	c.records += len(c.ops)
	c.ops, c.size = c.ops[:0], 0
	return err
}

func spoiled(err error) error {
	return fmt.Errorf("%w: %w; nothing was changed: packhorse store check tells more, packhorse store repair puts it aside", ErrDamaged, err)
}
