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
//	1       version, 2
//	1       state
//	1       flags: 1 origin, 2 local, 4 body held, 8 for the Internet, 16 accepted without a clock
//	1       priority
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
//	4 + n   each: sender id, recipient id, id of the recipient's gateway, id of the parcel, why refused
type parcelRecord struct {
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
}

const (
	parcelVersion = 2
	maxNodeID     = 1024
	maxParcelID   = 64
	maxWhy        = 256
)

// ended tells that nothing will ever happen to it again.
func (r *parcelRecord) ended() bool { return r.State >= Delivered }

// forwardable tells that it waits for a next hop.
func (r *parcelRecord) forwardable() bool {
	return r.State == Saved && r.Held && !r.Local && !r.Internet
}

// deliverable tells that it waits for a local endpoint.
func (r *parcelRecord) deliverable() bool { return r.State == Saved && r.Held && r.Local }

// id names the parcel by who wrote it to whom under which id.
func (r *parcelRecord) id() (id queue.ID) {
	b := appendCounted(nil, string(r.Sender))
	b = appendCounted(b, string(r.Recipient))
	sum := sha256.Sum256(append(b, r.ID...))
	copy(id[:], sum[:])
	return id
}

// key is the key of its record.
func (r *parcelRecord) key() string { return r.id().Key() }

// due is when something happens to the parcel by age alone.
func (r *parcelRecord) due() time.Time {
	if r.ended() && r.Origin {
		return r.Expires.Add(memory)
	}
	return r.Expires.Add(time.Second)
}

func (r *parcelRecord) flags() (f byte) {
	for i, set := range []bool{r.Origin, r.Local, r.Held, r.Internet, r.Unverified} {
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
	b = append(b, parcelVersion, byte(r.State), r.flags(), byte(r.Priority))
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
	return appendCounted(b, r.Why)
}

func parseParcelRecord(b []byte) (parcelRecord, error) {
	var r parcelRecord
	o := octets{b: b}
	version := o.u8()
	r.State = State(o.u8())
	flags := o.u8()
	r.setFlags(flags)
	r.Priority = link.Priority(o.u8())
	r.Arrival = o.u64()
	o.fill(r.Digest[:])
	o.fill(r.Sum[:])
	r.Size, r.BodySize = int(o.u32()), int(o.u32())
	o.fill(r.From[:])
	o.fill(r.By[:])
	r.Hands, r.Turns = o.u16(), o.u8()
	r.Since, r.Expires = o.time(), o.time()
	r.Sender = pki.NodeID(o.text(maxNodeID))
	r.Recipient = pki.NodeID(o.text(maxNodeID))
	r.Gateway = pki.NodeID(o.text(maxNodeID))
	r.ID = o.text(maxParcelID)
	r.Why = o.text(maxWhy)
	if version != parcelVersion || flags > 31 || r.State < Saved || r.State > Refused || r.Priority > link.Bulk ||
		r.Size < 0 || r.Size > maxParcel || r.BodySize < 0 || r.BodySize > maxParcelBody {
		return parcelRecord{}, errOctets
	}
	return r, o.end()
}

func (r *parcelRecord) put() store.Op {
	return store.Op{Kind: KindParcel, Key: r.key(), Value: r.append(nil)}
}

// newParcelRecord fills what the message says. path is empty for a parcel to the Internet.
func newParcelRecord(m *ramf.Message, path []*pki.Certificate, body []byte) parcelRecord {
	r := parcelRecord{State: Saved, Held: true, Digest: digestOf(ItemParcel, body), Sum: sha256.Sum256(m.Raw),
		Size: len(m.Raw), BodySize: len(body), Expires: m.Expires(), Sender: m.Sender.ID, Recipient: m.Recipient, ID: m.ID}
	if len(path) > 2 {
		r.Gateway = path[2].ID
	}
	return r
}
