package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"packhorse/store"
)

// VaultFile is the name of the vault in a state directory.
const VaultFile = "vault"

// unseal gives the secrets and the store their ciphers, and refuses a key that does not go with the directory.
func (c *Config) unseal() (store.Secrets, error) {
	out := store.Secrets{Dir: c.StateDir}
	path := filepath.Join(c.StateDir, VaultFile)
	_, err := os.Stat(path)
	switch {
	case c.Vault != nil:
		out.Cipher, c.Store.Cipher = c.Vault.Cipher(store.ForSecrets), c.Vault.Cipher(store.ForRecords)
		return out, c.Vault.Ready()
	case errors.Is(err, fs.ErrNotExist):
		return out, nil
	case err != nil:
		return out, fmt.Errorf("node: vault: %w", err)
	}
	return out, fmt.Errorf("%w: %s", store.ErrSealed, path)
}
