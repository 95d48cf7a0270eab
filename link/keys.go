package link

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/blake2s"

	"packhorse/link/wire"
)

// protocol is part of every prologue and every derived key.
const protocol = "packhorse link 1"

func newBLAKE2s() hash.Hash {
	h, _ := blake2s.New256(nil) // fails for long keys only
	return h
}

// derive makes a 32-octet key for one purpose (HKDF of RFC 5869 with BLAKE2s).
func derive(secret, salt []byte, purpose string) [32]byte {
	b, err := hkdf.Key(newBLAKE2s, secret, salt, protocol+" "+purpose, 32)
	if err != nil {
		return [32]byte{}
	}
	return [32]byte(b)
}

// mac8 is a keyed BLAKE2s (RFC 7693) cut to what goes on the air.
func mac8(key *[32]byte, parts ...[]byte) (out [wire.MACSize]byte) {
	h, err := blake2s.New128(key[:])
	if err != nil {
		return out
	}
	for _, p := range parts {
		h.Write(p)
	}
	var sum [blake2s.Size128]byte
	copy(out[:], h.Sum(sum[:0]))
	return out
}

// shortID names a gateway in beacons.
func shortID(id PeerID) (out [wire.ShortSize]byte) {
	sum := blake2s.Sum256(append([]byte(protocol+" short id"), id[:]...))
	copy(out[:], sum[:])
	return out
}

// domainKeys is a domain with what is derived from it.
type domainKeys struct {
	Domain
	mac [32]byte // of beacons, queries, records and hints
}

func newDomainKeys(d Domain) domainKeys {
	k := domainKeys{Domain: d}
	k.mac = derive(d.Key[:], k.epochID(), "mac")
	return k
}

func (d *domainKeys) none() bool { return d.ID == [16]byte{} }

// epochID is what differs between domains and between epochs of one.
func (d *domainKeys) epochID() []byte {
	return binary.BigEndian.AppendUint32(d.ID[:], d.Epoch)
}

// append adds the MAC of what b holds from start on.
func (d *domainKeys) append(b []byte, start int) []byte {
	mac := mac8(&d.mac, b[start:])
	return append(b, mac[:]...)
}

// verify checks the MAC at the end of a beacon, query or record.
func (d *domainKeys) verify(b []byte) bool {
	covered, mac := wire.SplitMAC(b)
	want := mac8(&d.mac, covered)
	return !d.none() && subtle.ConstantTimeCompare(mac, want[:]) == 1
}

// hint lets a member find out who opens a session with it.
func (d *domainKeys) hint(from, to [32]byte, index uint16, noise []byte) (out [wire.HintSize]byte) {
	mac := mac8(&d.mac, []byte("hint"), from[:], to[:], noise[:wire.EphemeralSize], []byte{byte(index >> 8), byte(index)})
	copy(out[:], mac[:])
	return out
}

// DigestOf is the name of a body on the air: SHA-256 over kind and body, cut to 16 octets.
func DigestOf(kind uint8, body []byte) (d Digest) {
	h := sha256.New()
	h.Write([]byte{kind})
	h.Write(body)
	var sum [sha256.Size]byte
	copy(d[:], h.Sum(sum[:0]))
	return d
}

// String is the digest's first octets, for people.
func (d Digest) String() string { return fmt.Sprintf("%x", d[:6]) }

// String is the id's first octets, for people.
func (p PeerID) String() string { return fmt.Sprintf("%x", p[:6]) }

// String names the medium.
func (m Medium) String() string {
	switch m {
	case Radio:
		return "radio"
	case Serial:
		return "serial"
	case Datagram:
		return "datagram"
	}
	return "unknown"
}
