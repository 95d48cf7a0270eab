package session

import (
	"crypto"
	_ "crypto/sha256" // the hashes of the key derivation
	_ "crypto/sha512"
	"encoding/binary"
	"fmt"

	"packhorse/gateway/cms/ber"
)

// Content octets of the object identifiers.
const (
	oidData        = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" // 1.2.840.113549.1.7.1
	oidEnveloped   = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03" // 1.2.840.113549.1.7.3
	oidECPublicKey = "\x2a\x86\x48\xce\x3d\x02\x01"         // 1.2.840.10045.2.1
	oidP256        = "\x2a\x86\x48\xce\x3d\x03\x01\x07"     // 1.2.840.10045.3.1.7
	oidOriginator  = "\x2b\x06\x01\x04\x01\x83\xca\x54\x00\x01\x00"
	oidStdDH       = "\x2b\x81\x04\x01\x0b"             // 1.3.132.1.11, then 1, 2 or 3
	oidAES         = "\x60\x86\x48\x01\x65\x03\x04\x01" // 2.16.840.1.101.3.4.1
)

// profile is the choice of algorithms of one payload (RFC 5753 section 7.1).
type profile struct {
	hash           crypto.Hash // of the key derivation
	wrapOID        string
	wrapKeySize    int // octets
	contentKeySize int
}

// writeProfile is that of Awala's JVM library.
var writeProfile = profile{hash: crypto.SHA256, wrapOID: oidWrap128, wrapKeySize: 16, contentKeySize: 16}

// Object identifiers of AES (RFC 3565 section 4).
const (
	oidCBC128, oidWrap128 = oidAES + "\x02", oidAES + "\x05"
	oidCBC192, oidWrap192 = oidAES + "\x16", oidAES + "\x19"
	oidCBC256, oidWrap256 = oidAES + "\x2a", oidAES + "\x2d"
)

func wrapKeySize(oid string) (int, error) {
	switch oid {
	case oidWrap128:
		return 16, nil
	case oidWrap192:
		return 24, nil
	case oidWrap256:
		return 32, nil
	}
	return 0, fmt.Errorf("session: key wrap %x is not that of AES", oid)
}

func contentKeySize(oid string) (int, error) {
	switch oid {
	case oidCBC128:
		return 16, nil
	case oidCBC192:
		return 24, nil
	case oidCBC256:
		return 32, nil
	}
	return 0, fmt.Errorf("session: content encryption %x is not AES-CBC", oid)
}

func derivationHash(oid string) (crypto.Hash, error) {
	switch oid {
	case oidStdDH + "\x01":
		return crypto.SHA256, nil
	case oidStdDH + "\x02":
		return crypto.SHA384, nil
	case oidStdDH + "\x03":
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("session: key agreement %x is not dhSinglePass-stdDH with SHA-2", oid)
}

// deriveKEK derives the key encryption key of the shared secret.
func (p profile) deriveKEK(z, ukm []byte, null bool) []byte {
	return deriveX963(p.hash, z, p.sharedInfo(ukm, null), p.wrapKeySize)
}

// sharedInfo is the DER of ECC-CMS-SharedInfo (RFC 5753 section 7.2). null adds NULL parameters
// to the key wrap algorithm.
func (p profile) sharedInfo(ukm []byte, null bool) []byte {
	wrap := ber.Bytes(0x06, []byte(p.wrapOID))
	if null {
		wrap = append(wrap, ber.Bytes(0x05, nil)...)
	}
	parts := []ber.Pieces{ber.Encode(0x30, wrap)}
	if ukm != nil {
		parts = append(parts, ber.Encode(0xa0, ber.Bytes(0x04, ukm)))
	}
	bits := binary.BigEndian.AppendUint32(nil, uint32(8*p.wrapKeySize))
	parts = append(parts, ber.Encode(0xa2, ber.Bytes(0x04, bits)))
	return ber.Encode(0x30, parts...).Join()
}

// deriveX963 is the key derivation function of ANSI X9.63 (SEC 1 section 3.6.1).
func deriveX963(hash crypto.Hash, z, sharedInfo []byte, size int) []byte {
	var key []byte
	h := hash.New()
	for counter := uint32(1); len(key) < size; counter++ {
		h.Reset()
		h.Write(z)
		h.Write(binary.BigEndian.AppendUint32(nil, counter))
		h.Write(sharedInfo)
		key = h.Sum(key)
	}
	return key[:size]
}
