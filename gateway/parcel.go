package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
	"packhorse/store/queue"
)

const day = 24 * time.Hour

// parcelRecord is what is durable about a parcel besides its body. It outlives the body until the
// parcel's expiry: it is also the memory that makes delivery happen once.
//
//	octets  field
//	1       version, 3
//	1       state
//	1       flags: 1 origin, 2 local, 4 body held, 8 for the Internet, 16 accepted without a clock, 32 To follows, 64 Back follows
//	1       priority
//	1       type of RAMF message; not in version 2, where all are parcels
//	8       arrival number
//	16      link digest of the body
//	32      SHA-256 of the parcel
//	4       octets of the parcel
//	4       octets of the body
//	32      gateway that handed it to us, zero for a local endpoint
//	32      gateway that has it now, zero for none
//	2       hands: how often custody had changed when we took it last
//	1       turns: how often it came back to us
//	8       since when it is in its state, seconds since 1970
//	8       when it expires, seconds since 1970
//	4 + n   each: sender id, recipient id, id of the recipient's gateway, id of the message, why refused
//	4 + n   Internet address that it is for; not in version 2
//	32      To, if so flagged: gateway of ours where cargo is to be fetched
//	32      Back, if so flagged: gateway of ours where the cargo that a CCA asks for is to come
//
// Cargo and CCAs are rows of the same table, and all that is said of parcels is true of them.
type parcelRecord struct {
	Type       ramf.Type
	State      State
	Origin     bool
	Local      bool
	Held       bool
	Internet   bool
	Unverified bool
	Priority   link.Priority
	Arrival    uint64
	Digest     link.Digest
	Sum        [32]byte
	Size       int
	BodySize   int
	From       link.PeerID
	By         link.PeerID
	Hands      uint16
	Turns      uint8
	Since      time.Time
	Expires    time.Time
	Sender     pki.NodeID
	Recipient  pki.NodeID
	Gateway    pki.NodeID
	ID         string
	Why        string
	Address    string
	To         link.PeerID
	Back       link.PeerID
}

const (
	parcelVersion = 3
	parcelUntyped = 2 // the version without Type and what follows Why
	maxNodeID     = 1024
	maxParcelID   = 64
	maxWhy        = 256

	flagTo   = 1 << 5
	flagBack = 1 << 6
)

// ended tells that nothing will ever happen to it again.
func (r *parcelRecord) ended() bool { return r.State >= Delivered }

// left tells that it went on towards the Internet, from where no receipt comes: no more will be heard of it.
func (r *parcelRecord) left() bool { return r.State == Carried && r.Internet && !r.Held }

// external tells that nobody of the domain is its recipient: it leaves the domain by an uplink or with a courier.
func (r *parcelRecord) external() bool { return r.Internet || r.Type != ramf.Parcel }

// wentUp tells that an Internet gateway has it from us.
func (r *parcelRecord) wentUp() bool { return r.State == Carried && r.By == link.PeerID{} }

// forwardable tells that it waits for a next hop.
func (r *parcelRecord) forwardable() bool { return r.State == Saved && r.Held && !r.Local }

// deliverable tells that it waits for a local endpoint.
func (r *parcelRecord) deliverable() bool { return r.State == Saved && r.Held && r.Local }

// kind is that of the item as which it travels.
func (r *parcelRecord) kind() uint8 {
	if r.Type == ramf.Parcel {
		return ItemParcel
	}
	return ItemSealed
}

// id names the parcel by who wrote it to whom under which id. What is no parcel begins with its type, which
// no count of octets does.
func (r *parcelRecord) id() (id queue.ID) {
	var b []byte
	if r.Type != ramf.Parcel {
		b = append(b, byte(r.Type))
	}
	b = appendCounted(b, string(r.Sender))
	b = appendCounted(b, string(r.Recipient))
	sum := sha256.Sum256(append(b, r.ID...))
	copy(id[:], sum[:])
	return id
}

// key is the key of its record.
func (r *parcelRecord) key() string { return r.id().Key() }

func (r *parcelRecord) flags() (f byte) {
	for i, set := range []bool{r.Origin, r.Local, r.Held, r.Internet, r.Unverified, r.To != link.PeerID{}, r.Back != link.PeerID{}} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

func (r *parcelRecord) setFlags(f byte) {
	for i, p := range []*bool{&r.Origin, &r.Local, &r.Held, &r.Internet, &r.Unverified} {
		*p = f&(1<<i) != 0
	}
}

func (r *parcelRecord) append(b []byte) []byte {
	b = append(b, parcelVersion, byte(r.State), r.flags(), byte(r.Priority), byte(r.Type))
	b = binary.BigEndian.AppendUint64(b, r.Arrival)
	b = append(b, r.Digest[:]...)
	b = append(b, r.Sum[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Size))
	b = binary.BigEndian.AppendUint32(b, uint32(r.BodySize))
	b = append(b, r.From[:]...)
	b = append(b, r.By[:]...)
	b = append(binary.BigEndian.AppendUint16(b, r.Hands), r.Turns)
	b = appendTime(b, r.Since)
	b = appendTime(b, r.Expires)
	b = appendCounted(b, string(r.Sender))
	b = appendCounted(b, string(r.Recipient))
	b = appendCounted(b, string(r.Gateway))
	b = appendCounted(b, r.ID)
	b = appendCounted(b, r.Why)
	b = appendCounted(b, r.Address)
	for _, id := range []link.PeerID{r.To, r.Back} {
		if id != (link.PeerID{}) {
			b = append(b, id[:]...)
		}
	}
	return b
}

func parseParcelRecord(b []byte) (parcelRecord, error) {
	r := parcelRecord{Type: ramf.Parcel}
	o := octets{b: b}
	version := o.u8()
	r.State = State(o.u8())
	flags := o.u8()
	r.setFlags(flags)
	r.Priority = link.Priority(o.u8())
	if version != parcelUntyped {
		r.Type = ramf.Type(o.u8())
	}
	r.readCustody(&o)
	r.readNames(&o)
	if version != parcelUntyped {
		r.readPlaces(&o, flags)
	}
	if version != parcelVersion && version != parcelUntyped || version == parcelUntyped && flags > 31 || !r.sound(flags) {
		return parcelRecord{}, errOctets
	}
	return r, o.end()
}

func (r *parcelRecord) readCustody(o *octets) {
	r.Arrival = o.u64()
	o.fill(r.Digest[:])
	o.fill(r.Sum[:])
	r.Size, r.BodySize = int(o.u32()), int(o.u32())
	o.fill(r.From[:])
	o.fill(r.By[:])
	r.Hands, r.Turns = o.u16(), o.u8()
	r.Since, r.Expires = o.time(), o.time()
}

func (r *parcelRecord) readNames(o *octets) {
	r.Sender = pki.NodeID(o.text(maxNodeID))
	r.Recipient = pki.NodeID(o.text(maxNodeID))
	r.Gateway = pki.NodeID(o.text(maxNodeID))
	r.ID = o.text(maxParcelID)
	r.Why = o.text(maxWhy)
}

// readPlaces reads where it is to go.
func (r *parcelRecord) readPlaces(o *octets, flags byte) {
	r.Address = o.text(ramf.MaxAddress)
	if flags&flagTo != 0 {
		o.fill(r.To[:])
	}
	if flags&flagBack != 0 {
		o.fill(r.Back[:])
	}
}

// sound tells that a record that was read says what can be.
func (r *parcelRecord) sound(flags byte) bool {
	return flags == r.flags() && r.State >= Saved && r.State <= Refused && r.Priority <= link.Bulk &&
		(r.Type == ramf.Parcel || r.Type == ramf.Cargo || r.Type == ramf.CCA) &&
		r.Size >= 0 && r.Size <= ramf.MaxMessage && r.BodySize >= 0 && r.BodySize <= maxSealedBody
}

func (r *parcelRecord) put() store.Op {
	return store.Op{Kind: KindParcel, Key: r.key(), Value: r.append(nil)}
}

// newParcelRecord fills what the message says. path is empty for a parcel to the Internet.
func newParcelRecord(m *ramf.Message, path []*pki.Certificate, body []byte) parcelRecord {
	r := parcelRecord{Type: m.Type, State: Saved, Held: true, Sum: sha256.Sum256(m.Raw),
		Size: len(m.Raw), BodySize: len(body), Expires: m.Expires(), Sender: m.Sender.ID, Recipient: m.Recipient, ID: m.ID}
	r.Digest = digestOf(r.kind(), body)
	if len(path) > 2 {
		r.Gateway = path[2].ID
	}
	return r
}
