package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/store"
)

// encryption is how a state directory is sealed, for JSON.
type encryption struct {
	admin.Head
	Path      string   `json:"path"`
	Encrypted bool     `json:"encrypted"`
	OpenedBy  []string `json:"opened_by"` // passphrase, key_file
	Records   int      `json:"records"`   // rewritten
	Secrets   int      `json:"secrets"`   // rewritten
}

func (a *app) storeEncrypt() *cobra.Command {
	c := &cobra.Command{
		Use:   "encrypt",
		Short: "encrypt the state directory of a gateway that is stopped",
		Long: `Makes a vault and writes keys and records anew, encrypted. The vault is opened by the key file that --key-file or
store.key_file names, by the passphrase in PACKHORSE_PASSPHRASE or PACKHORSE_PASSPHRASE_FILE, or by one that is typed. It needs as
much free space as the store takes. Power loss does no harm: the same command goes on. What lay here in the clear
may stay in spare cells of the card for years: docs/CONFIG.md says what encryption hides.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withState(func(l *config.Loaded, d store.Directory) error {
				keys, err := a.encryptKeys(c.Context(), l)
				if err != nil {
					return err
				}
				m, err := d.Encrypt(keys...)
				if err != nil {
					return stateError(err, l)
				}
				return a.showEncryption(d, &m)
			})
		},
	}
	a.keyFlag(c)
	return c
}

// encryptKeys open the vault that is there, or the one to be made.
func (a *app) encryptKeys(ctx context.Context, l *config.Loaded) ([]store.Key, error) {
	there, err := exist(vaultOf(l))
	if err != nil {
		return nil, err
	}
	if there {
		return a.keys(ctx, l)
	}
	return a.newKeys(ctx, l)
}

func (a *app) storeDecrypt() *cobra.Command {
	c := &cobra.Command{
		Use:   "decrypt",
		Short: "write the state directory of a gateway that is stopped in the clear again",
		Long: `Writes keys and records anew in the clear and removes the vault. Power loss does no harm: the same command
goes on. Take store.encrypt and store.key_file out of the configuration afterwards.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withState(func(l *config.Loaded, d store.Directory) error {
				keys, err := a.keys(c.Context(), l)
				if err != nil {
					return err
				}
				m, err := d.Decrypt(keys...)
				if err != nil {
					return stateError(err, l)
				}
				return a.showEncryption(d, &m)
			})
		},
	}
	a.keyFlag(c)
	return c
}

// stateError says what to do about a directory that cannot be changed.
func stateError(err error, l *config.Loaded) error {
	if errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrSealed) {
		return storeError(err, l)
	}
	return keyError(err)
}

// withState runs f on the configured directory.
func (a *app) withState(f func(*config.Loaded, store.Directory) error) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	if there, err := exist(l.StateDir); err != nil || !there {
		return errors.Join(err, usage("check --state and state_dir", "%s is no state directory", l.StateDir))
	}
	return f(l, stateOf(l))
}

// showEncryption is for all three commands; rekey rewrites nothing.
func (a *app) showEncryption(d store.Directory, m *store.Moved) error {
	kinds, err := store.VaultKinds(d.Vault)
	if err != nil && !errors.Is(err, store.ErrNoVault) {
		return err
	}
	v := encryption{Head: a.head("packhorse.store_encryption/1"), Path: d.Dir, Encrypted: err == nil, OpenedBy: []string{}}
	for _, k := range kinds {
		v.OpenedBy = append(v.OpenedBy, strings.ReplaceAll(k.String(), " ", "_"))
	}
	rewritten := ""
	if m != nil {
		v.Records, v.Secrets = m.Records, m.Secrets
		rewritten = fmt.Sprintf(": %s and %s rewritten", count(m.Records, "value"), count(m.Secrets, "secret"))
	}
	return a.answer(v, func() {
		if !v.Encrypted {
			a.say("in the clear: %s%s", d.Dir, rewritten)
			return
		}
		a.say("encrypted: %s, opened by a %s%s", d.Dir, orList(kinds), rewritten)
		a.hint("note: keep copies of %s and of its key elsewhere: without either nothing can be read", d.Vault)
	})
}

// orList names kinds of keys.
func orList(kinds []store.KeyKind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.String())
	}
	return strings.Join(names, " or ")
}

func (a *app) storeKeygen() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "make a key file for an encrypted state directory, best on a stick of its own",
		Args:  between(1, 1, "one file"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := writeNew(args[0], store.NewKeyFile()); err != nil {
				return usage("name a file that is not there yet, in a directory that is", "%v", err)
			}
			v := struct {
				admin.Head
				File string `json:"file"`
			}{a.head("packhorse.store_keygen/1"), args[0]}
			return a.answer(v, func() {
				a.say("wrote %s", args[0])
				a.hint("note: keep a copy elsewhere: who has it opens the state directory, and nobody does without it")
			})
		},
	}
}

// writeNew makes a file of mode 0600, durably, and overwrites none.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}
