package domain

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"packhorse/link"
)

// Revocation takes a gateway out: its records of epochs before Epoch are refused. A later admission makes a
// record of Epoch or after, which stands.
type Revocation struct {
	Gateway [16]byte // the first half of the gateway's id: 128 bits that nobody can meet by search
	Epoch   uint32
}

const (
	revocationSize = 16 + 4
	// MaxRevoked bounds the list in one domain.
	MaxRevoked = 1024
	// MaxDomainAdvert is the octets of the longest one.
	MaxDomainAdvert = 1 + 4 + 4 + 32 + 2 + MaxRevoked*revocationSize + ed25519.SignatureSize

	domainAdvertVersion = 1
)

// DomainAdvert is the owner's word on the epoch of the domain, on who is no longer in it, and on who renews
// memberships. A higher epoch replaces a lower one, within an epoch the later date.
//
//	offset  size  what
//	     0     1  version, 1
//	     1     4  epoch
//	     5     4  date of issue
//	     9    32  gateway that holds the domain's keys
//	    41     2  n, number of revocations
//	    43   20n  revocations: 16 octets of the gateway's id, 4 of the epoch; rising, no gateway twice
//	43+20n    64  Ed25519 signature of the domain
type DomainAdvert struct {
	Epoch   uint32
	Issued  time.Time
	Owner   link.PeerID
	Revoked []Revocation
	Raw     []byte
}

// Revoke takes gateways out, begins a new epoch and returns the advert that tells; at is the gateway that holds
// the keys. The caller stores the owner before it sends the advert. The pre-shared key stays: it only hides who
// talks from strangers, and every handshake proves a static key that the roster must know.
func (o *Owner) Revoke(now time.Time, at link.PeerID, ids ...link.PeerID) (DomainAdvert, error) {
	list, epoch := slices.Clone(o.Revoked), o.CurrentEpoch()+1
	for _, id := range ids {
		at, found := findRevocation(list, id)
		if !found {
			list = slices.Insert(list, at, Revocation{Gateway: [16]byte(id[:16])})
		}
		list[at].Epoch = epoch
	}
	if len(list) > MaxRevoked {
		return DomainAdvert{}, fmt.Errorf("domain: more than %d gateways revoked: start a new domain", MaxRevoked)
	}
	o.Revoked = list
	return o.Advert(now, at), nil
}

// Adopt takes over the revocations of a verified advert that is ahead of o: o came back from an old backup.
func (o *Owner) Adopt(a DomainAdvert) {
	if a.Epoch > o.CurrentEpoch() {
		o.Revoked = slices.Clone(a.Revoked)
	}
}

// CurrentEpoch is the epoch of the domain: that of the latest revocation, or of the pre-shared key if that is later.
func (o *Owner) CurrentEpoch() uint32 {
	epoch := o.Epoch
	for _, v := range o.Revoked {
		epoch = max(epoch, v.Epoch)
	}
	return epoch
}

// Advert signs the present state; at is the gateway that holds the keys.
func (o *Owner) Advert(now time.Time, at link.PeerID) DomainAdvert {
	a := DomainAdvert{Epoch: o.CurrentEpoch(), Issued: seconds(now), Owner: at, Revoked: slices.Clone(o.Revoked)}
	b := binary.BigEndian.AppendUint32([]byte{domainAdvertVersion}, a.Epoch)
	b = append(appendSeconds(b, now), at[:]...)
	b = appendRevocations(b, a.Revoked)
	a.Raw = appendSigned(b, o.Sign, forRevoked, o.Info().ID)
	return a
}

// ParseDomainAdvert reads and verifies one. The result keeps nothing of raw.
func ParseDomainAdvert(raw []byte, d Info) (DomainAdvert, error) {
	if len(raw) > MaxDomainAdvert {
		return DomainAdvert{}, errors.New("domain: the domain advert is too large")
	}
	r := &reader{b: raw}
	if v := r.u8(); v != domainAdvertVersion && !r.bad {
		return DomainAdvert{}, fmt.Errorf("domain: the domain advert has version %d, this program reads %d", v, domainAdvertVersion)
	}
	a := DomainAdvert{Epoch: r.u32(), Issued: r.seconds()}
	copy(a.Owner[:], r.take(32))
	a.Revoked = readRevocations(r)
	r.take(ed25519.SignatureSize)
	if r.done() != nil {
		return DomainAdvert{}, errors.New("domain: malformed domain advert")
	}
	if !verifySigned(raw, d.Sign, forRevoked, d.ID) {
		return DomainAdvert{}, ErrSignature
	}
	a.Raw = bytes.Clone(raw)
	return a, nil
}

func appendRevocations(b []byte, list []Revocation) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
	for _, v := range list {
		b = binary.BigEndian.AppendUint32(append(b, v.Gateway[:]...), v.Epoch)
	}
	return b
}

func readRevocations(r *reader) (list []Revocation) {
	n := int(r.u16())
	r.require(n <= MaxRevoked && n*revocationSize <= len(r.b))
	for i := 0; i < n && !r.bad; i++ {
		v := Revocation{Gateway: [16]byte(r.take(16)), Epoch: r.u32()}
		r.require(i == 0 || bytes.Compare(list[i-1].Gateway[:], v.Gateway[:]) < 0)
		list = append(list, v)
	}
	return list
}

func findRevocation(list []Revocation, id link.PeerID) (int, bool) {
	return slices.BinarySearchFunc(list, id, func(v Revocation, id link.PeerID) int {
		return bytes.Compare(v.Gateway[:], id[:16])
	})
}

// revoked says whether the list refuses this record.
func revoked(list []Revocation, r Record) bool {
	at, found := findRevocation(list, r.ID)
	return found && r.Epoch < list[at].Epoch
}
