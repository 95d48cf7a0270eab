package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/store"
)

// maxSecret bounds a passphrase and a key file, in octets.
const maxSecret = 4096

// credential is the name of a passphrase among systemd's credentials.
const credential = "packhorse.passphrase"

// keyWays is for who gave no key.
const keyWays = "name the key file by store.key_file or --key-file, give the passphrase in PACKHORSE_PASSPHRASE or in a file that PACKHORSE_PASSPHRASE_FILE names, or start on a terminal and type it"

// keyFlag adds the flag that names a key file.
func (a *app) keyFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.keyFile, "key-file", "", "key `file` of an encrypted state directory")
}

// keys are what a person gave to open the vault. Who is at the terminal is asked when there is nothing else.
func (a *app) keys(ctx context.Context, l *config.Loaded) ([]store.Key, error) {
	kinds, err := store.VaultKinds(vaultOf(l))
	if err != nil {
		return nil, err
	}
	keys, err := a.given(l, kinds)
	switch {
	case len(keys) > 0:
		return keys, nil
	case a.ask != nil && slices.Contains(kinds, store.KindPassphrase):
		if err != nil {
			a.hint("note: %v", err)
		}
		p, err := a.ask(ctx, "passphrase of "+l.StateDir+": ")
		return []store.Key{store.PassphraseKey(p)}, err
	case err != nil:
		return nil, err
	}
	return nil, usage(keyWays, "%s is encrypted, and no %s was given", l.StateDir, orList(kinds))
}

// given are the keys of these kinds that need nobody at a terminal, the cheap one first. Those that could be read are there
// whatever the error.
func (a *app) given(l *config.Loaded, kinds []store.KeyKind) (keys []store.Key, failed error) {
	if slices.Contains(kinds, store.KindKeyFile) && l.Store.KeyFile != "" {
		k, err := readKeyFile(l.Store.KeyFile)
		if err != nil {
			failed = err
		} else {
			keys = append(keys, k)
		}
	}
	if slices.Contains(kinds, store.KindPassphrase) {
		p, err := a.passphrase("PACKHORSE_PASSPHRASE", credential)
		if err != nil {
			failed = errors.Join(failed, err)
		} else if p != nil {
			keys = append(keys, store.PassphraseKey(p))
		}
	}
	return keys, failed
}

func readKeyFile(path string) (store.Key, error) {
	b, err := readSecret(path)
	if err != nil {
		return store.Key{}, usage("put in the stick that it is on, or correct --key-file or store.key_file", "the key file cannot be read: %v", err)
	}
	k, err := store.ReadKeyFile(b)
	if err != nil {
		return k, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// passphrase looks into a variable, a file that another names, and systemd's credentials; nil when there is none.
func (a *app) passphrase(env, credential string) ([]byte, error) {
	if p := a.getenv(env); p != "" {
		return []byte(p), nil
	}
	path := a.getenv(env + "_FILE")
	if dir := a.getenv("CREDENTIALS_DIRECTORY"); path == "" && dir != "" && credential != "" {
		path = filepath.Join(dir, credential)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	if path == "" {
		return nil, nil
	}
	b, err := readSecret(path)
	if err != nil {
		return nil, usage("correct "+env+"_FILE, or the unit's credential", "the passphrase cannot be read: %v", err)
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(b) > maxSecret {
		err = fmt.Errorf("%s has more than %d octets", path, maxSecret)
	}
	return b, err
}

// newKeys are what a new vault is to be opened by.
func (a *app) newKeys(ctx context.Context, l *config.Loaded) ([]store.Key, error) {
	keys, err := a.given(l, []store.KeyKind{store.KindKeyFile, store.KindPassphrase})
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err := k.Strong(); err != nil {
			return nil, usage("give a longer one", "%v", err)
		}
	}
	if len(keys) > 0 {
		return keys, nil
	}
	k, err := a.newPassphrase(ctx)
	return []store.Key{k}, err
}

// newPassphrase has a person type a passphrase twice.
func (a *app) newPassphrase(ctx context.Context) (k store.Key, err error) {
	if a.ask == nil {
		return k, usage(keyWays, "encryption needs a key, and none was given")
	}
	p, err := a.ask(ctx, "new passphrase: ")
	if err != nil {
		return k, err
	}
	if k = store.PassphraseKey(p); k.Strong() != nil {
		return k, usage("six words that nobody would put together are easy to keep", "%v", k.Strong())
	}
	again, err := a.ask(ctx, "once more: ")
	if err == nil && !bytes.Equal(p, again) {
		err = usage("try again", "the two are not the same")
	}
	return k, err
}

// askTerminal reads a line without showing it.
func (a *app) askTerminal(ctx context.Context, prompt string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	fmt.Fprint(a.err, prompt)
	defer fmt.Fprintln(a.err)
	type line struct {
		b   []byte
		err error
	}
	typed := make(chan line, 1)
	go func() {
		b, err := term.ReadPassword(fd)
		typed <- line{b, err}
	}()
	select {
	case l := <-typed:
		return l.b, l.err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}
