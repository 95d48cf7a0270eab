package store

import (
	"crypto/cipher"
	"errors"
	"fmt"
)

// Errors of vaults that callers branch on.
var (
	ErrNoVault      = errors.New("store: there is no vault")
	ErrVaultExists  = errors.New("store: there is a vault already")
	ErrVaultDamaged = errors.New("store: the vault is damaged")
	ErrUnfinished   = errors.New("store: encrypting or decrypting this directory was cut off")
	ErrLastKey      = errors.New("store: the last key of a vault cannot be removed")
)

// Vault is the file that holds the random data key of an encrypted state directory, wrapped
// once under each key that opens it. Numbers are big endian:
//
//	 0   8  0x8e "PHVAULT"
//	 8   1  version: 1
//	 9   1  phase: how far encrypting or decrypting came
//	10   1  number of slots, 1 to 4
//	11   5  zero
//	16  16  random: the vault's id, salt of all keys made of the data key
//	32 100  for each slot
//	         0   1  kind: 1 passphrase, 2 key file
//	         1   1  argon2id lanes; this and the next three are zero for a key file
//	         2   2  zero
//	         4   4  argon2id passes
//	         8   4  argon2id memory in KiB
//	        12  16  salt
//	        28  24  nonce
//	        52  48  the data key sealed by XChaCha20-Poly1305
//	..  32  HMAC-SHA-256 of all before it
//	..   4  CRC-32C of all before it
//
// A slot's wrapping key is argon2id(passphrase, salt) (RFC 9106) or HKDF-SHA-256(key file,
// salt, "packhorse vault 1 key file") (RFC 5869); its associated data are magic, version, id
// and the slot's first 28 octets. Every other key is HKDF-SHA-256(data key, id, "packhorse
// vault 1 " + purpose); the HMAC's purpose is "header". The CRC tells a damaged file from a
// wrong key before there is a key; the HMAC tells that nobody added a slot or changed the phase.
//
// A Vault is safe for concurrent use as long as nobody changes it.
type Vault struct {
	path  string
	files files
	data  [32]byte
	vaultImage
}

// Phase is how far a state directory is between clear and sealed.
type Phase uint8

// The phases, numbered for ever. In all but Sealed, secrets may be of either kind, and only
// Encrypt or Decrypt go on.
const (
	Sealed Phase = iota
	SealingRecords
	SealingSecrets
	ClearingRecords
	ClearingSecrets

	lastPhase = ClearingSecrets
)

// Purpose tells apart the keys made of one data key.
type Purpose string

// The purposes, named for ever.
const (
	ForRecords Purpose = "records" // Options.Cipher
	ForSecrets Purpose = "secrets" // Secrets.Cipher
	ForBackup  Purpose = "backup"  // WriteBackup
)

func (v *Vault) derive(p Purpose) []byte { return derive(v.data[:], v.ID[:], string(p)) }

// Cipher is an XChaCha20-Poly1305 under the key of one purpose. It is safe for concurrent
// use; its nonces are 24 random octets.
func (v *Vault) Cipher(p Purpose) cipher.AEAD { return newAEAD(v.derive(p)) }

// Phase tells how far the directory is.
func (v *Vault) Phase() Phase { return v.vaultImage.Phase }

func (v *Vault) clearing() bool { return v.Phase() == ClearingRecords || v.Phase() == ClearingSecrets }

// Ready answers ErrUnfinished unless everything in the directory is sealed.
func (v *Vault) Ready() error {
	switch v.Phase() {
	case Sealed:
		return nil
	case SealingRecords, SealingSecrets:
		return fmt.Errorf("%w; to finish it: packhorse store encrypt", ErrUnfinished)
	}
	return fmt.Errorf("%w; to finish it: packhorse store decrypt", ErrUnfinished)
}

// SaveTo writes the vault to another file, durably: that of a directory restored from a backup.
func (v *Vault) SaveTo(path string) error {
	if err := replaceFile(v.files, path, v.marshal()); err != nil {
		return fmt.Errorf("store: cannot write the vault: %w", err)
	}
	return nil
}
