package store

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
)

// secrets rewrites those that are not as they should be, after the old store is gone.
func (d *Directory) secrets(v *Vault, seal bool) (n int, err error) {
	if err := removeFile(d.files, d.old()); err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	clear := Secrets{Dir: d.Dir, files: d.files}
	sealed := clear
	sealed.Cipher = v.Cipher(ForSecrets)
	for _, name := range d.Secrets {
		did, err := moveSecret(name, clear, sealed, seal)
		if err != nil {
			return n, err
		}
		if did {
			n++
		}
	}
	return n, d.tidy()
}

// moveSecret seals a secret or takes the seal off, unless that is done already.
func moveSecret(name string, clear, sealed Secrets, seal bool) (bool, error) {
	b, err := readPrivate(filepath.Join(clear.Dir, name))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil || bytes.HasPrefix(b, secretMagic) == seal {
		return false, err
	}
	from, to := sealed, clear
	if seal {
		from, to = clear, sealed
	}
	if b, err = from.Read(name); err != nil {
		return false, err
	}
	return true, to.Write(name, b)
}

// tidy removes what crashes left of secrets being written, here and in files named as earlier versions did.
func (d *Directory) tidy() error {
	for _, name := range d.Secrets {
		left, err := filepath.Glob(filepath.Join(d.Dir, "."+name+"-*"))
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		for _, path := range append(left, besides(filepath.Join(d.Dir, name))) {
			if err := d.files.remove(path); err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
	}
	if err := d.files.syncDir(d.Dir); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}
