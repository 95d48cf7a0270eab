package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

func vaultOf(l *config.Loaded) string { return filepath.Join(l.StateDir, node.VaultFile) }

// stateOf is the state directory for what is done to it as a whole.
func stateOf(l *config.Loaded) store.Directory {
	return store.Directory{Vault: vaultOf(l), Store: filepath.Join(l.StateDir, "store"), Dir: l.StateDir,
		Secrets: []string{gateway.SecretIdentity, gateway.SecretOwner, gateway.SecretMembership, gateway.SecretEndpoint, gateway.SecretInternet}}
}

// unlock opens the vault, or makes one for a new state directory that is to be encrypted. It answers nil for one that is in the
// clear and is to stay so.
func (a *app) unlock(ctx context.Context, l *config.Loaded) (*store.Vault, error) {
	v, err := a.openVault(ctx, l)
	if v != nil || err != nil {
		return v, err
	}
	return a.firstVault(ctx, l)
}

// openVault answers nil when there is none.
func (a *app) openVault(ctx context.Context, l *config.Loaded) (*store.Vault, error) {
	if there, err := exist(vaultOf(l)); err != nil || !there {
		return nil, err
	}
	keys, err := a.keys(ctx, l)
	if err != nil {
		return nil, err
	}
	v, err := store.OpenVault(vaultOf(l), keys...)
	debug.FreeOSMemory() // what argon2 took is not needed again
	return v, keyError(err)
}

// firstVault is for a directory without a vault.
func (a *app) firstVault(ctx context.Context, l *config.Loaded) (*store.Vault, error) {
	if !l.Store.Encrypt && l.Store.KeyFile == "" {
		return nil, nil
	}
	d := stateOf(l)
	for _, name := range append(d.Secrets, "store") {
		there, err := exist(filepath.Join(l.StateDir, name))
		if err != nil {
			return nil, err
		}
		if there {
			return nil, usage("packhorse store encrypt, or take store.encrypt and store.key_file out; if it was encrypted, restore "+vaultOf(l)+" from a copy",
				"%s is to be encrypted, but %s is there without a vault", l.StateDir, name)
		}
	}
	keys, err := a.newKeys(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(l.StateDir, 0o700); err != nil {
		return nil, err
	}
	v, err := store.CreateVault(d.Vault, keys...)
	if err == nil {
		a.hint("note: %s will be encrypted; keep copies of %s and of its key elsewhere: without either nothing can be read", l.StateDir, d.Vault)
	}
	return v, err
}

func exist(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// keyError gives a key that does not fit its exit code.
func keyError(err error) error {
	if !errors.Is(err, store.ErrWrongKey) {
		return err
	}
	return &admin.Error{Code: admin.CodeRefused, Message: err.Error(), Fix: "check the passphrase, and which key file it is"}
}
