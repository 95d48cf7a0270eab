package endpoint

import (
	"encoding/binary"
	"encoding/hex"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// The state is several records, so that a message writes only what it changes. Each is DER with universal tags;
// everything without a type is an OCTET STRING, numbers and dates are 8 octets, big endian:
//
//	state         SEQUENCE { INTEGER 2, certificate, empty without one, SEQUENCE OF Certificate chain }
//	session/ID    SEQUENCE { INTEGER 1, number, id, scalar, peer }, ID in hex: a private session key
//	contact/ID    SEQUENCE { INTEGER 1, number, name, SPKI, address, PDA, SEQUENCE OF Certificate }
//	channel/ID    SEQUENCE { INTEGER 1, session id, session SPKI, date or empty }: the key to write to that contact
//
// Numbers rise in the order in which things came. Version 1 of state has it all:
//
//	SEQUENCE {
//	    INTEGER 1, certificate, SEQUENCE OF Certificate chain,
//	    SEQUENCE OF SEQUENCE { id, scalar, peer },
//	    SEQUENCE OF SEQUENCE { name, SPKI, address, PDA, SEQUENCE OF Certificate, session id, session SPKI, date } }
const (
	stateVersion = 2
	wholeVersion = 1
	partVersion  = 1

	stateKey      = "state"
	sessionPrefix = "session/"
	contactPrefix = "contact/"
	channelPrefix = "channel/"
)

// Record is a part of the state under its key, which has at most 80 octets.
type Record struct {
	Key   string
	Value []byte
}

// Marshal encodes the state without the identity key, in an order that depends on nothing else. It holds the
// session keys: keep it as a secret.
func (e *Endpoint) Marshal() []Record {
	out := []Record{{stateKey, ber.Encode(0x30, version(stateVersion), encodeCertificate(e.Certificate), encodeChain(e.Chain)).Join()}}
	for i := range e.Sessions {
		k := &e.Sessions[i]
		out = append(out, Record{sessionPrefix + hex.EncodeToString(k.ID),
			ber.Encode(0x30, version(partVersion), number(k.number), octets(k.ID), octets(k.Key.Bytes()), octets([]byte(k.Peer))).Join()})
	}
	for i := range e.Contacts {
		c := &e.Contacts[i]
		out = append(out, Record{contactPrefix + string(c.ID), c.encode()}, Record{channelPrefix + string(c.ID), c.encodeChannel()})
	}
	return out
}

func version(v byte) ber.Pieces { return ber.Bytes(0x02, []byte{v}) }

func number(n uint64) ber.Pieces { return octets(binary.BigEndian.AppendUint64(nil, n)) }

func octets(b []byte) ber.Pieces { return ber.Bytes(0x04, b) }

func encodeCertificate(c *pki.Certificate) ber.Pieces {
	if c == nil {
		return octets(nil)
	}
	return octets(c.Raw())
}

func encodeChain(chain []*pki.Certificate) ber.Pieces {
	var list ber.Pieces
	for _, c := range chain {
		list = append(list, c.Raw())
	}
	return ber.Encode(0x30, list)
}

func (c *Contact) encode() []byte {
	return ber.Encode(0x30, version(partVersion), number(c.number), octets([]byte(c.Name)), octets(c.SPKI), octets([]byte(c.InternetAddress)),
		encodeCertificate(c.PDA), encodeChain(c.Chain)).Join()
}

func (c *Contact) encodeChannel() []byte {
	var key, date []byte
	if c.Session.Key != nil {
		key = session.EncodePublicKey(c.Session.Key)
	}
	if !c.SessionAt.IsZero() {
		date = binary.BigEndian.AppendUint64(nil, uint64(c.SessionAt.Unix()))
	}
	return ber.Encode(0x30, version(partVersion), octets(c.Session.ID), octets(key), octets(date)).Join()
}
