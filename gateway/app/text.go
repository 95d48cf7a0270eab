package app

import (
	"bytes"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
)

// Card is what somebody needs to authorise an endpoint: the DER SubjectPublicKeyInfo of its identity key. It is no secret, but
// must not be exchanged on the way for another.
type Card []byte

// Contact is what an endpoint needs to write to another: PrivateEndpointConnParams of an endpoint behind a gateway, or
// NodeConnectionParams of one on the Internet (RS-000). The first are made for one endpoint; nobody else can use them.
type Contact []byte

const maxCard = 2 << 10 // octets; a key of 8192 bits takes 1,062

// String is the card as a text to hand over, which `packhorse contact export` reads as well.
func (c Card) String() string { return endpoint.CardText.Encode("", c) }

// ID is the address of the endpoint that it is of.
func (c Card) ID() pki.NodeID { return pki.IDOf(c) }

// ParseCard reads the text of a card, or its octets.
func ParseCard(b []byte) (Card, error) {
	v, err := unwrap(endpoint.CardText, b, maxCard)
	if err == nil {
		_, err = pki.ParseSPKI(v)
	}
	if err != nil {
		return nil, &Error{Reason: Usage, Message: "this is no card: " + err.Error(), Fix: "copy it whole: it begins with " + string(endpoint.CardText), Err: err}
	}
	return v, nil
}

// String is the contact as a text to hand over, which `packhorse contact add` reads as well.
func (c Contact) String() string { return endpoint.ContactText.Encode("", c) }

// ParseContact reads the text of a contact, or its octets. Whether it is for this endpoint, AddContact judges.
func ParseContact(b []byte) (Contact, error) {
	v, err := unwrap(endpoint.ContactText, b, endpoint.MaxParams)
	if err != nil {
		return nil, &Error{Reason: Usage, Message: "this is no contact: " + err.Error(), Fix: "copy it whole: it begins with " + string(endpoint.ContactText), Err: err}
	}
	return v, nil
}

// derSequence begins all of these octets. No text begins with it.
const derSequence = 0x30

func unwrap(t endpoint.Text, b []byte, max int) ([]byte, error) {
	if len(b) > 0 && b[0] == derSequence && len(b) <= max {
		return bytes.Clone(b), nil
	}
	_, v, err := t.Decode(string(b), max)
	return v, err
}
