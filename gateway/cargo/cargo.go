// Package cargo is what Awala's couriers carry between a private and an Internet gateway (RS-000, RS-004, RS-008):
// the plaintexts of cargo and of cargo collection authorisations, and the control messages in them. Pure.
//
//	CargoMessageSet        ::= SEQUENCE OF OCTET STRING         a parcel, PCA or rotation each
//	CargoCollectionRequest ::= SEQUENCE { [0] OCTET STRING CDA }
//	PCA                    ::= "Awala" 0x51 0x00 SEQUENCE { [0] sender id, [1] recipient id, [2] parcel id }
//	CertificateRotation    ::= "Awala" 0x10 0x00 SEQUENCE { [0] OCTET STRING leaf, [1] SEQUENCE OF OCTET STRING authorities }
//
// Context tags are implicit, ids are VisibleStrings, certificates are DER. BER is read and DER is written. PCA is short for
// parcel collection acknowledgement, CDA for cargo delivery authorisation.
package cargo

import (
	"errors"
	"fmt"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/ramf"
)

// Limits, in octets unless it says otherwise.
const (
	MaxSet       = ramf.MaxPlaintext // a whole set
	MaxItem      = ramf.MaxParcel    // one item; exactly one of this size fills a set
	ItemOverhead = 5                 // what one item counts besides its own octets, and the set as well
	MaxItems     = 1 << 16           // of one set, a number; a full set of acknowledgements has about 44,000
)

// Item is one thing in a cargo: exactly one field is set.
type Item struct {
	Parcel   []byte // whatever is nothing else: not looked into, perhaps not a parcel at all
	PCA      *PCA
	Rotation *Rotation
}

// The octets of control messages before their SEQUENCE: "Awala", type, version.
const (
	headerSize     = 7
	pcaHeader      = "Awala\x51\x00"
	rotationHeader = "Awala\x10\x00"
)

// Parse takes the plaintext of a cargo apart. Items that cannot be read are counted in skipped and do no harm to the
// others; a set that is broken itself, or has more than MaxItems, is refused whole. Parcels refer to plain
// where they came in one piece.
func Parse(plain []byte) (items []Item, skipped int, err error) {
	doc, err := ber.Parse(plain)
	if err != nil {
		return nil, 0, fmt.Errorf("cargo: malformed set: %w", err)
	}
	if doc.Tag != ber.Sequence {
		return nil, 0, fmt.Errorf("cargo: found %v, want a SEQUENCE of items", doc.Tag)
	}
	r := doc.Reader()
	for !r.Empty() {
		if len(items)+skipped == MaxItems {
			return nil, 0, fmt.Errorf("cargo: more than %d items in one set", MaxItems)
		}
		e, _ := r.Next()
		if item, err := parseItem(e); err == nil {
			items = append(items, item)
		} else {
			skipped++
		}
	}
	if err := r.End(); err != nil {
		return nil, 0, fmt.Errorf("cargo: malformed set: %w", err)
	}
	return items, skipped, nil
}

// parseItem tells by the header what an item is.
func parseItem(e ber.Element) (Item, error) {
	if e.Tag != ber.OctetString {
		return Item{}, fmt.Errorf("cargo: found %v, want an OCTET STRING", e.Tag)
	}
	b, err := e.Octets()
	if err != nil {
		return Item{}, err
	}
	if len(b) > MaxItem {
		return Item{}, errors.New("cargo: the item is too big")
	}
	if len(b) < headerSize {
		return Item{Parcel: b}, nil
	}
	switch string(b[:headerSize]) {
	case pcaHeader:
		p, err := parsePCA(b[headerSize:])
		return Item{PCA: p}, err
	case rotationHeader:
		r, err := parseRotation(b[headerSize:])
		return Item{Rotation: r}, err
	}
	return Item{Parcel: b}, nil
}
