package inet

import (
	"crypto/sha256"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"packhorse/gateway"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
	"packhorse/store/queue"
)

// BootKinds are the kinds whose records New needs. Bodies are asked for with Load.
func BootKinds() []store.Kind {
	return []store.Kind{gateway.KindInetState, gateway.KindInetParcel, gateway.KindInetSession, gateway.KindInetOwed, gateway.KindInetServed,
		gateway.KindInetDenial, gateway.KindInetRate}
}

// lane is a line of the queue: what waits for a private gateway, or for the Internet node at an address.
type lane struct {
	to   lineKind
	name string // id or address
}

type lineKind uint8

const (
	toGateway lineKind = iota + 1
	toAddress
)

// parcelRecord is what is durable about a parcel besides its body. It outlives the body until the parcel's expiry: it
// is also the memory that makes delivery happen once.
//
//	octets  field
//	1       version, 1
//	1       1: the body is here
//	1       line: 1 for a private gateway, 2 for an Internet node
//	8       arrival number
//	16      digest: the beginning of the SHA-256 of the body
//	4       octets of the body
//	8       when it expires, seconds since 1970
//	8       when it begins, where its writer's clock was ahead, or 0
//	2 + n   each: name of the line, private gateway that brought it, sender id, recipient id, id of the parcel
type parcelRecord struct {
	Held      bool
	Line      lane
	Arrival   uint64
	Digest    queue.Digest
	Size      int
	Expires   time.Time
	Begins    time.Time
	By        pki.NodeID
	Sender    pki.NodeID
	Recipient pki.NodeID
	ID        string
}

const recordVersion = 1

var errRecord = errors.New("inet: a record ends early, is too long or of another version")

// newRecord fills what a parcel says.
func newRecord(m *ramf.Message) parcelRecord {
	r := parcelRecord{Held: true, Size: len(m.Raw), Expires: m.Expires(), Begins: m.Created, Sender: m.Sender.ID, Recipient: m.Recipient, ID: m.ID}
	sum := sha256.Sum256(m.Raw)
	copy(r.Digest[:], sum[:])
	return r
}

// parcelID names a parcel by who wrote it to whom under which id.
func parcelID(sender, recipient pki.NodeID, id string) queue.ID {
	return hashOf(string(sender), string(recipient), id)
}

// hashOf is a name made of texts of any content.
func hashOf(texts ...string) (id queue.ID) {
	var b cryptobyte.Builder
	addTexts(&b, texts...)
	sum := sha256.Sum256(b.BytesOrPanic()) // never: the texts are bounded by their readers
	copy(id[:], sum[:])
	return id
}

func addTexts(b *cryptobyte.Builder, texts ...string) {
	for _, t := range texts {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(t)) })
	}
}

func addTime(b *cryptobyte.Builder, t time.Time) {
	var s int64
	if !t.IsZero() {
		s = t.Unix()
	}
	b.AddUint64(uint64(s))
}

func (r *parcelRecord) id() queue.ID { return parcelID(r.Sender, r.Recipient, r.ID) }

func (r *parcelRecord) marshal() []byte {
	var b cryptobyte.Builder
	b.AddUint8(recordVersion)
	held := uint8(0)
	if r.Held {
		held = 1
	}
	b.AddUint8(held)
	b.AddUint8(uint8(r.Line.to))
	b.AddUint64(r.Arrival)
	b.AddBytes(r.Digest[:])
	b.AddUint32(uint32(r.Size))
	addTime(&b, r.Expires)
	addTime(&b, r.Begins)
	addTexts(&b, r.Line.name, string(r.By), string(r.Sender), string(r.Recipient), r.ID)
	return b.BytesOrPanic()
}

func parseParcelRecord(value []byte) (r parcelRecord, err error) {
	o := reader{in: value}
	version, held := o.u8(), o.u8()
	r.Held, r.Line.to = held == 1, lineKind(o.u8())
	r.Arrival = o.u64()
	copy(r.Digest[:], o.octets(len(r.Digest)))
	r.Size = int(o.u32())
	r.Expires, r.Begins = o.time(), o.time()
	r.Line.name, r.By, r.Sender, r.Recipient, r.ID = o.text(), pki.NodeID(o.text()), pki.NodeID(o.text()), pki.NodeID(o.text()), o.text()
	if version != recordVersion || held > 1 || r.Line.to != toGateway && r.Line.to != toAddress || r.Size > ramf.MaxParcel {
		return r, errRecord
	}
	return r, o.end()
}

// item is what the queue is told. Room is charged to the private gateway that a parcel is for or came from.
func (r *parcelRecord) item() queue.Item[lane] {
	account := "at " + r.Line.name
	switch {
	case r.Line.to == toGateway:
		account = "for " + r.Line.name
	case r.By != "":
		account = "by " + string(r.By)
	}
	return queue.Item[lane]{ID: r.id(), Digest: r.Digest, Line: r.Line, Priority: queue.Message, Age: r.Arrival,
		Over: r.Expires.Add(time.Second), Octets: r.Size, Peer: account, Sender: string(r.Sender)}
}

// reader reads a record front to back. After anything that does not fit, bad stays set and zero values come.
type reader struct {
	in  cryptobyte.String
	bad bool
}

func (o *reader) octets(n int) []byte {
	var b []byte
	if !o.in.ReadBytes(&b, n) {
		o.bad = true
		return make([]byte, n)
	}
	return b
}

func (o *reader) u8() uint8 { return o.octets(1)[0] }

func (o *reader) u32() (v uint32) {
	o.bad = !o.in.ReadUint32(&v) || o.bad
	return v
}

func (o *reader) u64() (v uint64) {
	o.bad = !o.in.ReadUint64(&v) || o.bad
	return v
}

func (o *reader) time() time.Time {
	s := int64(o.u64())
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func (o *reader) text() string {
	var v cryptobyte.String
	o.bad = !o.in.ReadUint16LengthPrefixed(&v) || o.bad
	return string(v)
}

func (o *reader) end() error {
	if o.bad || !o.in.Empty() {
		return errRecord
	}
	return nil
}
