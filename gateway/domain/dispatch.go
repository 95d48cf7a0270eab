package domain

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"packhorse/link"
)

// Topic tells what a Dispatch is about. Numbers go on the air and are for ever.
type Topic uint8

// The topics, and what the body holds.
const (
	TopicAskContact Topic = 1 // DER SPKI of the writer's built-in endpoint: let it write to yours
	TopicContact    Topic = 2 // PrivateEndpointConnParams (RS-000): the answer
	TopicAskRenewal Topic = 3 // JoinRequest: renew my membership
	TopicRenewal    Topic = 4 // Renewal: the answer
)

// Dispatch is a gateway's signed word to another gateway of its domain, carried by those between. On the air:
//
//	offset  size  what
//	     0     1  version, 1
//	     1     1  topic
//	     2    32  gateway that writes
//	    34    32  gateway that it is for
//	    66     8  sequence
//	    74   2+n  body
//	  76+n    64  Ed25519 signature of the writer
type Dispatch struct {
	Topic    Topic
	From, To link.PeerID
	Sequence uint64 // rises with each dispatch of the writer, also over a restart: what is replayed is known by it
	Body     []byte
	Raw      []byte
}

const (
	dispatchVersion = 1
	dispatchFixed   = 1 + 1 + 32 + 32 + 8 + 2 + ed25519.SignatureSize
	// MaxDispatch is the octets of the longest one, MaxDispatchBody those of its body.
	MaxDispatch     = dispatchFixed + MaxDispatchBody
	MaxDispatchBody = 12 << 10
)

// NewDispatch signs d as the gateway i of the domain: it fills From and Raw.
func NewDispatch(d Dispatch, i *Identity, domain [16]byte) (Dispatch, error) {
	if len(d.Body) > MaxDispatchBody {
		return Dispatch{}, fmt.Errorf("domain: %d octets are too many for a dispatch, at most %d fit", len(d.Body), MaxDispatchBody)
	}
	d.From = i.ID()
	b := append([]byte{dispatchVersion, byte(d.Topic)}, d.From[:]...)
	b = binary.BigEndian.AppendUint64(append(b, d.To[:]...), d.Sequence)
	d.Raw = appendSigned(append16(b, d.Body), i.Sign, forDispatch, domain)
	return d, nil
}

// ParseDispatch reads one and verifies it under the gateway that it names. That this gateway is a member, and what
// the topic means, is judged by the caller: those between carry topics that they do not know. The result keeps
// nothing of raw.
func ParseDispatch(raw []byte, domain [16]byte) (Dispatch, error) {
	if len(raw) > MaxDispatch {
		return Dispatch{}, errors.New("domain: the dispatch is too large")
	}
	raw = append([]byte(nil), raw...)
	r := &reader{b: raw}
	if v := r.u8(); v != dispatchVersion && !r.bad {
		return Dispatch{}, fmt.Errorf("domain: the dispatch has version %d, this program reads %d", v, dispatchVersion)
	}
	d := Dispatch{Topic: Topic(r.u8()), Raw: raw}
	copy(d.From[:], r.take(32))
	copy(d.To[:], r.take(32))
	d.Sequence, d.Body = r.u64(), r.bytes16()
	r.take(ed25519.SignatureSize)
	if r.done() != nil || len(d.Body) > MaxDispatchBody {
		return Dispatch{}, errors.New("domain: malformed dispatch")
	}
	if !verifySigned(raw, d.From[:], forDispatch, domain) {
		return Dispatch{}, ErrSignature
	}
	return d, nil
}
