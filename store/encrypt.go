package store

import (
	"errors"
	"fmt"
)

// Directory is a state directory as encryption sees it: a store, secrets and a vault. Its methods are for
// a directory that nobody uses; the store's lock says so, and while the store has two places that of the directory.
//
// Encrypt and Decrypt are cut off by nothing for good: the vault's phase is durable before each
// part begins, and the same call goes on where the last one ended. The store is copied beside the old one
// and takes its place by two renames, so that at any time one of them is whole:
//
//	.store.new   the copy; worthless until there is a .store.old
//	.store.old   the old store, once the copy is whole and durable
type Directory struct {
	Vault   string   // path of the vault
	Store   string   // path of the store; there may be none yet
	Dir     string   // of the secrets
	Secrets []string // names of the secrets; those that are missing are passed over
	Options Options  // of the store; Cipher is not used

	files files // tests inject faults here; nil is the real one
}

// Moved is what Encrypt or Decrypt rewrote.
type Moved struct {
	Records int
	Secrets int
}

// Encrypt seals everything. It makes a vault that each of keys opens, or opens the one that is there with
// one of them. In a sealed directory it seals what secrets are in the clear, for those that a person restored.
func (d Directory) Encrypt(keys ...Key) (m Moved, err error) {
	d.fill()
	release, err := Claim(d.Dir)
	if err != nil {
		return m, err
	}
	defer release()
	v, err := openVault(d.files, d.Vault, keys...)
	fresh := errors.Is(err, ErrNoVault)
	if err != nil && !fresh {
		return m, err
	}
	if !fresh && v.clearing() {
		return m, v.Ready()
	}
	c, err := d.claim(fresh || v.Phase() == SealingRecords, d.Options)
	if err != nil {
		return m, err
	}
	defer c.release()
	if fresh {
		if err := d.unfinished(); err != nil {
			return m, err
		}
		if v, err = createVault(d.files, d.Vault, SealingRecords, keys...); err != nil {
			return m, err
		}
	}
	return d.seal(v, c)
}

// unfinished refuses to begin where the vault of an encryption, done or cut off, is missing.
func (d *Directory) unfinished() error {
	for _, name := range d.Secrets {
		if _, err := (Secrets{Dir: d.Dir}).Read(name); errors.Is(err, ErrNoVault) {
			return err
		}
	}
	there, err := exists(d.old())
	if err != nil || !there {
		return err
	}
	return fmt.Errorf("%w: %s was made with one that is gone; restore that vault from a copy, or rename %s to %s and try again", ErrNoVault, d.Store, d.old(), d.Store)
}

func (d *Directory) seal(v *Vault, c claim) (m Moved, err error) {
	if v.Phase() == SealingRecords {
		if m.Records, err = d.rewrite(c, d.sealed(v)); err != nil {
			return m, errors.Join(err, d.undo(func() error { return removeFile(d.files, d.Vault) }))
		}
		err = v.enter(SealingSecrets)
	}
	if err == nil {
		m.Secrets, err = d.secrets(v, true)
	}
	if err == nil && v.Phase() != Sealed {
		err = v.enter(Sealed)
	}
	return m, err
}

// undo goes back to the phase before, for the gateway to start as if nothing was, unless the swap began.
func (d *Directory) undo(back func() error) error {
	if swapping, err := exists(d.old()); err != nil || swapping {
		return err
	}
	return back()
}

// Decrypt writes everything in the clear and removes the vault.
func (d Directory) Decrypt(keys ...Key) (m Moved, err error) {
	d.fill()
	release, err := Claim(d.Dir)
	if err != nil {
		return m, err
	}
	defer release()
	v, err := openVault(d.files, d.Vault, keys...)
	if err != nil {
		return m, err
	}
	if v.Phase() != Sealed && !v.clearing() {
		return m, v.Ready()
	}
	c, err := d.claim(v.Phase() != ClearingSecrets, d.sealed(v))
	if err != nil {
		return m, err
	}
	defer c.release()
	if v.Phase() == Sealed {
		if err := v.enter(ClearingRecords); err != nil {
			return m, err
		}
	}
	return d.unseal(v, c)
}

func (d *Directory) unseal(v *Vault, c claim) (m Moved, err error) {
	if v.Phase() == ClearingRecords {
		if m.Records, err = d.rewrite(c, d.Options); err != nil {
			return m, errors.Join(err, d.undo(func() error { return v.enter(Sealed) }))
		}
		err = v.enter(ClearingSecrets)
	}
	if err == nil {
		m.Secrets, err = d.secrets(v, false)
	}
	if err == nil {
		err = removeFile(d.files, d.Vault)
	}
	return m, err
}

// Rekey opens the vault with one of keys and lets f change it, while nobody uses the directory.
func (d Directory) Rekey(f func(*Vault) error, keys ...Key) error {
	d.fill()
	release, err := Claim(d.Dir)
	if err != nil {
		return err
	}
	defer release()
	v, err := openVault(d.files, d.Vault, keys...)
	if err != nil {
		return err
	}
	c, err := d.claim(false, d.Options)
	if err != nil {
		return err
	}
	defer c.release()
	return f(v)
}

func (d *Directory) fill() {
	d.Options.Cipher = nil
	if d.files == nil {
		d.files = osFiles{}
	}
}

func (d *Directory) sealed(v *Vault) Options {
	o := d.Options
	o.Cipher = v.Cipher(ForRecords)
	return o
}
