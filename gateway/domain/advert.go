package domain

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/link"
)

// Transport is one way to reach a gateway, or with MediumUplink an Internet gateway that it reaches.
type Transport struct {
	Medium  link.Medium
	Address string // host and port for Datagram, the name of the radio plan for Radio, the Awala address of an uplink; at most MaxAddress octets
}

// MediumUplink is no medium between our gateways: programs that do not know it pass over it.
const MediumUplink link.Medium = 128

// MaxAddress is the limit of the address of a Transport, in octets.
const MaxAddress = 64

// NodeAdvert is a gateway's word on itself: who it is and how it is reached. On the air:
//
//	offset  size  what
//	     0     1  version, 1
//	     1   1+r  membership record
//	   2+r     8  sequence
//	  10+r     1  n, transports, at most 8
//	               each: medium, octets of the address, address
//	            64  Ed25519 signature of the gateway
type NodeAdvert struct {
	Record     Record
	Sequence   uint64 // rises with each advert of the gateway, also over a restart
	Transports []Transport
	Raw        []byte
}

const (
	nodeVersion   = 1
	engineVersion = 1

	maxTransports = 8
	// Limits of adverts in octets.
	MaxNodeAdvert   = 1 + 1 + MaxRecordSize + 8 + 1 + maxTransports*(2+MaxAddress) + ed25519.SignatureSize
	MaxEngineAdvert = 1 + registration.MaxRequest
)

// Uplinks are the Awala addresses of the Internet gateways that the gateway reaches, empty for those too long to be told.
func (a NodeAdvert) Uplinks() (out []string) {
	for _, t := range a.Transports {
		if t.Medium == MediumUplink && (t.Address == "" || ramf.ValidAddress(t.Address)) {
			out = append(out, t.Address)
		}
	}
	return out
}

// Gateway is whom the advert is about.
func (a NodeAdvert) Gateway() link.PeerID { return a.Record.ID }

// NewNodeAdvert signs an advert with the key of the identity.
func NewNodeAdvert(i *Identity, m *Membership, sequence uint64, transports []Transport) (NodeAdvert, error) {
	if len(transports) > maxTransports {
		return NodeAdvert{}, fmt.Errorf("domain: %d transports, at most %d can be announced", len(transports), maxTransports)
	}
	b := append8([]byte{nodeVersion}, m.Record.Raw)
	b = append(binary.BigEndian.AppendUint64(b, sequence), byte(len(transports)))
	for _, t := range transports {
		if len(t.Address) > MaxAddress {
			return NodeAdvert{}, fmt.Errorf("domain: the address %.80q has more than %d octets", t.Address, MaxAddress)
		}
		b = append8(append(b, byte(t.Medium)), []byte(t.Address))
	}
	return NodeAdvert{Record: m.Record, Sequence: sequence, Transports: append([]Transport(nil), transports...),
		Raw: appendSigned(b, i.Sign, forNode, m.Domain.ID)}, nil
}

// ParseNodeAdvert reads an advert and verifies it and the record in it. Dates and revocations are judged by
// the caller: feed the record to the Roster. The result keeps nothing of raw.
func ParseNodeAdvert(raw []byte, d Info) (NodeAdvert, error) {
	if len(raw) > MaxNodeAdvert {
		return NodeAdvert{}, errors.New("domain: the node advert is too large")
	}
	r := &reader{b: raw}
	if v := r.u8(); v != nodeVersion && !r.bad {
		return NodeAdvert{}, fmt.Errorf("domain: the node advert has version %d, this program reads %d", v, nodeVersion)
	}
	rec := r.bytes8()
	a := NodeAdvert{Sequence: r.u64(), Transports: readTransports(r), Raw: append([]byte(nil), raw...)}
	r.take(ed25519.SignatureSize)
	if r.done() != nil {
		return NodeAdvert{}, errors.New("domain: malformed node advert")
	}
	var err error
	if a.Record, err = ParseRecord(rec, d); err != nil {
		return NodeAdvert{}, err
	}
	if !verifySigned(raw, a.Record.ID[:], forNode, d.ID) {
		return NodeAdvert{}, ErrSignature
	}
	return a, nil
}

func readTransports(r *reader) (list []Transport) {
	n := int(r.u8())
	r.require(n <= maxTransports)
	for i := 0; i < n && !r.bad; i++ {
		t := Transport{Medium: link.Medium(r.u8()), Address: string(r.bytes8())}
		r.require(len(t.Address) <= MaxAddress)
		list = append(list, t)
	}
	return list
}

// EngineAdvert is the proof that an endpoint is at a gateway since a sequence. On the air:
//
//	offset  size  what
//	     0     1  version, 1
//	     1        PNRR (package registration)
//
// Nothing else is needed. The PNRR holds the gateway's Ed25519 signature on (endpoint key, gateway, sequence)
// and the endpoint's own on that. A member that claims an endpoint lacks the second; an endpoint that names
// a gateway which never let it in lacks the first. With a 2048-bit key it takes 725 octets.
type EngineAdvert struct {
	Endpoint pki.NodeID
	Gateway  link.PeerID
	Sequence uint64 // bound by the endpoint: of two adverts the higher one stands
	Raw      []byte
}

// NewEngineAdvert wraps a registration that the gateway's desk took.
func NewEngineAdvert(r registration.Request) EngineAdvert {
	return EngineAdvert{Endpoint: r.Endpoint, Gateway: r.Authorization.Gateway, Sequence: r.Authorization.Sequence,
		Raw: append([]byte{engineVersion}, r.Raw...)}
}

// ParseEngineAdvert reads an advert and verifies both signatures. That the gateway is a member is judged by
// the caller with Roster.Check, that the sequence is possible with registration.Ahead. The result keeps nothing
// of raw.
func ParseEngineAdvert(raw []byte) (EngineAdvert, error) {
	if len(raw) == 0 || len(raw) > MaxEngineAdvert {
		return EngineAdvert{}, errors.New("domain: the engine advert is empty or too large")
	}
	if raw[0] != engineVersion {
		return EngineAdvert{}, fmt.Errorf("domain: the engine advert has version %d, this program reads %d", raw[0], engineVersion)
	}
	r, err := registration.ParseRequest(append([]byte(nil), raw[1:]...))
	if err != nil {
		return EngineAdvert{}, fmt.Errorf("domain: the engine advert's proof: %w", err)
	}
	return NewEngineAdvert(r), nil
}
