package update

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"aead.dev/minisign"
)

// maxKeys bounds a list of keys.
const maxKeys = 32

// Keys may sign updates. Any one of them is enough.
type Keys []minisign.PublicKey

// ErrNoKeys says that a machine trusts nobody to sign updates.
var ErrNoKeys = errors.New("update: no key is trusted to sign updates")

// ParseKeys reads public keys as minisign writes them, one a line. Empty lines, comments after # and those lines that
// minisign itself puts before a key are passed over, so that files of minisign -G can be put together.
func ParseKeys(text []byte) (Keys, error) {
	var all Keys
	n := 0
	for line := range bytes.Lines(text) {
		n++
		word := strings.TrimSpace(string(line))
		if word == "" || word[0] == '#' || strings.HasPrefix(word, "untrusted comment:") {
			continue
		}
		var k minisign.PublicKey
		if err := k.UnmarshalText([]byte(word)); err != nil {
			return nil, fmt.Errorf("update: line %d is no minisign public key, which begins with RW", n)
		}
		if all = append(all, k); len(all) > maxKeys {
			return nil, fmt.Errorf("update: more than %d keys", maxKeys)
		}
	}
	return all, nil
}

// LoadKeys are those of a file, which may be absent, and more, one each. None at all is ErrNoKeys.
func LoadKeys(path string, more []string) (Keys, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all, err := ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	for _, m := range more {
		k, err := ParseKeys([]byte(m))
		if err != nil || len(k) != 1 {
			return nil, fmt.Errorf("update: %.80q is not one minisign public key, which begins with RW", m)
		}
		all = append(all, k...)
	}
	if len(all) == 0 {
		return nil, ErrNoKeys
	}
	return all, nil
}

// ErrSignature says that a file is not signed by a key that is trusted.
var ErrSignature = errors.New("update: not signed by a key that is trusted here")

// verify answers whose signature it is and the comment that is signed with it.
func (k Keys) verify(message, signature []byte) (id uint64, comment string, err error) {
	if len(k) == 0 {
		return 0, "", ErrNoKeys
	}
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return 0, "", fmt.Errorf("%w: %s is no minisign signature", ErrSignature, SignatureName)
	}
	for _, key := range k {
		if minisign.Verify(key, message, signature) {
			return s.KeyID, s.TrustedComment, nil
		}
		if key.ID() == s.KeyID {
			err = fmt.Errorf("%w: key %s is, but this is not its signature: the file was changed", ErrSignature, KeyName(s.KeyID))
		}
	}
	if err == nil {
		err = fmt.Errorf("%w: it is by key %s, trusted are %s", ErrSignature, KeyName(s.KeyID), k)
	}
	return 0, "", err
}

// String names the keys.
func (k Keys) String() string {
	names := make([]string, len(k))
	for i, key := range k {
		names[i] = KeyName(key.ID())
	}
	return strings.Join(names, ", ")
}

// KeyName is how minisign calls a key.
func KeyName(id uint64) string { return fmt.Sprintf("%016X", id) }
