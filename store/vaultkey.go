package store

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

// KeyKind is what a slot of a vault is opened with.
type KeyKind uint8

// The kinds of keys, numbered for ever.
const (
	KindPassphrase KeyKind = 1
	KindKeyFile    KeyKind = 2
)

// String is the kind in words.
func (k KeyKind) String() string {
	if k == KindPassphrase {
		return "passphrase"
	}
	return "key file"
}

// Key opens a vault: a passphrase, or what a key file holds.
type Key struct {
	octets []byte
	cost   slotCost // of a new slot
}

// Kind tells what the key is.
func (k Key) Kind() KeyKind { return k.cost.Kind }

// passphraseCost is the second choice of RFC 9106 section 4, the one for little memory: three
// passes over 64 MiB in four lanes. It is paid once a start. Under qemu-arm it took 0.6 to 1 s;
// a Pi Zero has the 64 MiB, and four lanes cost one core no more than one lane.
var passphraseCost = slotCost{Kind: KindPassphrase, Time: 3, Memory: 64 << 10, Threads: 4}

// MinPassphrase is the fewest octets of a new passphrase.
const MinPassphrase = 12

// Strong refuses a passphrase that is too short for a new vault.
func (k Key) Strong() error {
	if k.Kind() == KindPassphrase && len(k.octets) < MinPassphrase {
		return fmt.Errorf("store: a passphrase of %d octets is soon guessed, give at least %d", len(k.octets), MinPassphrase)
	}
	return nil
}

// PassphraseKey makes a key of a passphrase. It keeps p.
func PassphraseKey(p []byte) Key { return Key{octets: p, cost: passphraseCost} }

// ReadKeyFile makes a key of a key file's text: 32 octets as 64 hex digits or as base64,
// with white space around them.
func ReadKeyFile(text []byte) (Key, error) {
	text = bytes.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if b, err := decode(string(text)); err == nil && len(b) == 32 {
			return Key{octets: b, cost: slotCost{Kind: KindKeyFile}}, nil
		}
	}
	return Key{}, errors.New("store: a key file holds 32 random octets as base64 or hex; make one with: packhorse store keygen FILE")
}

// NewKeyFile makes the text of a new key file.
func NewKeyFile() []byte {
	var b [32]byte
	rand.Read(b[:])
	return append(base64.StdEncoding.AppendEncode(nil, b[:]), '\n')
}

// wrap makes a slot that k opens.
func (m *vaultImage) wrap(k Key, data *[32]byte) slot {
	s := slot{slotCost: k.cost}
	rand.Read(s.Salt[:])
	rand.Read(s.Nonce[:])
	copy(s.Wrapped[:], s.aead(k).Seal(nil, s.Nonce[:], data[:], m.bound(&s)))
	return s
}

// unwrap opens a slot, or tells that k does not.
func (m *vaultImage) unwrap(s *slot, k Key) (data [32]byte, ok bool) {
	if s.Kind != k.Kind() {
		return data, false
	}
	b, err := s.aead(k).Open(nil, s.Nonce[:], s.Wrapped[:], m.bound(s))
	copy(data[:], b)
	return data, err == nil
}

// bound is what the wrapping of a slot vouches for besides the data key.
func (m *vaultImage) bound(s *slot) []byte {
	return encode(m.Magic, m.Version, m.ID, s.slotCost, s.Salt)
}

// aead makes the slot's wrapping key of k.
func (s *slot) aead(k Key) cipher.AEAD {
	if s.Kind == KindPassphrase {
		return newAEAD(argon2.IDKey(k.octets, s.Salt[:], s.Time, s.Memory, s.Threads, 32))
	}
	return newAEAD(derive(k.octets, s.Salt[:], "key file"))
}

// derive makes a key for one purpose (RFC 5869).
func derive(key, salt []byte, label string) []byte {
	b, err := hkdf.Key(sha256.New, key, salt, "packhorse vault 1 "+label, 32)
	if err != nil { // of lengths only
		panic(fmt.Sprint("store: ", err))
	}
	return b
}

func newAEAD(key []byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key)
	if err != nil { // of another length than 32 only
		panic(fmt.Sprint("store: ", err))
	}
	return a
}
