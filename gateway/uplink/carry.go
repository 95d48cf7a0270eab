package uplink

import (
	"io"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

const (
	cargoBackdate = 3 * time.Hour
	// sealOverhead is what a cargo takes besides its plaintext and our certificate: up to 400 octets of sealing, 900
	// of fields, names and algorithms, 1,024 of a signature with the largest key.
	sealOverhead = 3 << 10
)

// Room is how large a cargo.Batch may be so that the cargo sealed from it has at most most octets; 0: what Awala
// allows. At least 1: nothing fits.
func (b *Book) Room(address string, most int, now time.Time, q pki.Quality) (int, error) {
	_, signer, err := b.signing(address, now, q)
	if err != nil {
		return 0, err
	}
	if most == 0 {
		return cargo.MaxSet, nil
	}
	return max(1, min(cargo.MaxSet, most-sealOverhead-len(signer.Raw()))), nil
}

// Seal makes a cargo for the Internet gateway at address. expires is when the last item in it does; the cargo lives as
// long, at most 180 days. Persist the records before it leaves. Errors are *Error, or of the random source.
func (b *Book) Seal(address string, items *cargo.Batch, expires, now time.Time, q pki.Quality, rand io.Reader) ([]byte, []Record, error) {
	g, signer, err := b.signing(address, now, q)
	if err != nil {
		return nil, nil, err
	}
	created := now.Add(-cargoBackdate)
	ttl := min(expires.Sub(created), ramf.MaxTTL)
	if !created.Add(ttl).After(now) {
		return nil, nil, refuse(Expired, "everything for this cargo expired on %s", expires.Format(time.RFC3339))
	}
	m := &ramf.Message{Type: ramf.Cargo, Created: created, TTL: ttl}
	return b.send(m, items.Marshal(), g, signer, now, q, rand)
}

// Opened is the content of a cargo for us.
type Opened struct {
	From    pki.NodeID // the Internet gateway
	Address string
	Items   []cargo.Item // parcels refer to one slice; nothing of them is verified
	Skipped int          // items that cannot be read
	Records []Record     // to persist together with what is taken from the items
}

// Open opens a cargo for this gateway: it has to be signed under one of our CDA issuers, by an Internet gateway of the
// book. A set that cannot be read at all counts as one skipped item. The same cargo opens again with the same items,
// so who takes them has to know what came before. Errors are *ramf.Error; what is refused will be refused
// again, unless it is for a date.
func (b *Book) Open(m *ramf.Message, now time.Time, q pki.Quality) (Opened, error) {
	if m.Type != ramf.Cargo || m.Recipient != b.id {
		return Opened{}, unfit(ramf.NotAuthorised, "this is a "+m.Type.String()+" for another than this gateway")
	}
	if _, err := m.Check(b.issuers, now, q); err != nil {
		return Opened{}, err
	}
	from, ok := b.Gateway(m.Sender.ID)
	if !ok {
		return Opened{}, unfit(ramf.NotAuthorised, "the cargo is of an Internet gateway that this gateway has left")
	}
	plain, records, err := b.ring.Open(m.Payload, from.ID, m.Created)
	if err != nil {
		return Opened{}, unfit(ramf.Malformed, "the cargo of "+from.Address+" cannot be opened: "+err.Error())
	}
	items, skipped, err := cargo.Parse(plain)
	if err != nil {
		items, skipped = nil, 1
	}
	return Opened{From: from.ID, Address: from.Address, Items: items, Skipped: skipped, Records: records}, nil
}

func unfit(r ramf.Refusal, detail string) error { return &ramf.Error{Refusal: r, Detail: detail} }
