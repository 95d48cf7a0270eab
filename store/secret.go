package store

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Secrets are the files of mode 0600 in a directory that hold keys. With Cipher they are sealed:
//
//	 0   8  0x8e "PHSECR" 1
//	 8  24  nonce
//	32  ..  XChaCha20-Poly1305 of the content; associated data: the first 8 octets and the file's name
//
// The name in the associated data keeps files from being swapped. The methods are safe for
// concurrent use for different names.
type Secrets struct {
	Dir    string
	Cipher cipher.AEAD // of a Vault, ForSecrets; nil: in the clear

	files files // tests inject faults here; nil is the real one
}

var secretMagic = []byte{0x8e, 'P', 'H', 'S', 'E', 'C', 'R', 1}

// Write replaces a file, whole or not at all, and durably. b is borrowed.
func (s Secrets) Write(name string, b []byte) error {
	if s.Cipher != nil {
		b = s.seal(name, b)
	}
	if s.files == nil {
		s.files = osFiles{}
	}
	if err := replaceFile(s.files, filepath.Join(s.Dir, name), b); err != nil {
		return fmt.Errorf("store: cannot write the secret: %w", err)
	}
	return nil
}

// Read reads such a file. It refuses one that others may read, one in the clear with
// ErrNotSealed if there is a Cipher, and a sealed one with ErrNoVault if there is none; it
// answers ErrNotFound when there is no file.
func (s Secrets) Read(name string) ([]byte, error) {
	path := filepath.Join(s.Dir, name)
	b, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	switch sealed := bytes.HasPrefix(b, secretMagic); {
	case sealed && s.Cipher == nil:
		return nil, fmt.Errorf("%w, but %s is encrypted: restore the vault from a copy, without it nothing here can be read", ErrNoVault, path)
	case sealed:
		return s.open(name, b)
	case s.Cipher != nil:
		return nil, fmt.Errorf("%w: %s; if you put it there yourself, seal it with: packhorse store encrypt", ErrNotSealed, path)
	}
	return b, nil
}

func readPrivate(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
	}
	if err != nil {
		return nil, fmt.Errorf("store: cannot read the secret: %w", err)
	}
	if m := st.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("store: %s is open to others (mode %04o); run: chmod 600 %s", path, m, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: cannot read the secret: %w", err)
	}
	return b, nil
}

func (s Secrets) seal(name string, b []byte) []byte {
	out := append(bytes.Clone(secretMagic), make([]byte, s.Cipher.NonceSize())...)
	nonce := out[len(secretMagic):]
	rand.Read(nonce)
	return s.Cipher.Seal(out, nonce, b, bindName(name))
}

func (s Secrets) open(name string, b []byte) ([]byte, error) {
	rest, n := b[len(secretMagic):], s.Cipher.NonceSize()
	if len(rest) >= n {
		if out, err := s.Cipher.Open(nil, rest[:n], rest[n:], bindName(name)); err == nil {
			return out, nil
		}
	}
	return nil, fmt.Errorf("%w: %s was not written by this gateway under this name, or not whole: restore it from a backup", ErrDamaged, filepath.Join(s.Dir, name))
}

func bindName(name string) []byte { return append(bytes.Clone(secretMagic), name...) }
