package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// CreateVault makes a vault that each of keys opens, durably: at least one, and one of a kind.
// ErrVaultExists when there is one, ErrLocked when another process is about to make one: the later would replace the earlier.
func CreateVault(path string, keys ...Key) (*Vault, error) {
	release, err := Claim(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer release()
	return createVault(osFiles{}, path, Sealed, keys...)
}

func createVault(d files, path string, p Phase, keys ...Key) (*Vault, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: a vault is made with a passphrase or a key file", ErrSealed)
	}
	if there, err := exists(path); err != nil || there {
		return nil, errors.Join(err, existsAlready(there, path))
	}
	v := blankVault(d, path, p)
	return v, v.change(func(next *vaultImage) {
		for _, k := range keys {
			next.put(k, &v.data)
		}
	})
}

func blankVault(d files, path string, p Phase) *Vault {
	v := &Vault{path: path, files: d}
	v.vaultHead = vaultHead{Magic: vaultMagic, Version: vaultVersion, Phase: p}
	rand.Read(v.ID[:])
	rand.Read(v.data[:])
	return v
}

func existsAlready(there bool, path string) error {
	if !there {
		return nil
	}
	return fmt.Errorf("%w: %s; to change its keys: packhorse store rekey", ErrVaultExists, path)
}

// OpenVault opens a vault with the first key that fits; a passphrase takes a second, so key files go before it. ErrNoVault, ErrVaultDamaged,
// ErrSealed (no key was given) and ErrWrongKey are different errors that say what to do.
func OpenVault(path string, keys ...Key) (*Vault, error) {
	return openVault(osFiles{}, path, keys...)
}

func openVault(d files, path string, keys ...Key) (*Vault, error) {
	m, err := readVault(path)
	if err != nil {
		return nil, err
	}
	return unlockVault(d, path, m, keys...)
}

func unlockVault(d files, path string, m *vaultImage, keys ...Key) (*Vault, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: %s is opened by %s", ErrSealed, path, kindsOf(m.slots))
	}
	v := &Vault{path: path, files: d, vaultImage: *m}
	for _, k := range keys {
		for i := range v.slots {
			if data, ok := v.unwrap(&v.slots[i], k); ok {
				v.data = data
				return v, v.verify()
			}
		}
	}
	return nil, fmt.Errorf("%w: %s is opened by %s; check that it is the right one, nothing was changed", ErrWrongKey, path, kindsOf(m.slots))
}

// VaultKinds tells what opens a vault, without opening it.
func VaultKinds(path string) ([]KeyKind, error) {
	m, err := readVault(path)
	if err != nil {
		return nil, err
	}
	return m.kinds(), nil
}

func readVault(path string) (*vaultImage, error) {
	b, err := readUpTo(path, maxVault)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s; restore it from a copy if this directory was encrypted, or make one with: packhorse store encrypt", ErrNoVault, path)
	}
	if err != nil {
		return nil, fmt.Errorf("store: cannot read the vault: %w", err)
	}
	m, err := parseVault(b)
	if err != nil {
		return nil, damagedVault(path, err)
	}
	return m, nil
}

func damagedVault(path string, why error) error {
	return fmt.Errorf("%w: %s: %w; restore the file from a copy, without it nothing here can be read", ErrVaultDamaged, path, why)
}

// readUpTo reads a file and an octet over the limit at most.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// verify checks that who knows the data key wrote the whole file.
func (v *Vault) verify() error {
	if !hmac.Equal(v.mac[:], v.macOf(v.body())) {
		return damagedVault(v.path, errors.New("somebody changed it who did not have its key"))
	}
	return nil
}

func (v *Vault) macOf(body []byte) []byte {
	h := hmac.New(sha256.New, v.derive("header"))
	h.Write(body)
	return h.Sum(nil)
}
