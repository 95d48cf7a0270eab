package gateway

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"packhorse/gateway/courier/bundle"
	"packhorse/link"
	"packhorse/store"
)

// Custody by stick. A gateway that took something from a bundle says so in a bundle for the writer; that is its word alone, as
// custody on a link is: Noise K shows who wrote it. It counts for what was for that gateway, and only if the thing has not
// been in more hands here since: an old file that turns up again takes nothing away. A parcel of our own apps is then
// carried, its body kept until the receipt; one of others, and a note, is theirs now.

// custodyWord is one acknowledgement. In the body of an ItemCustody, one behind the other:
//
//	octets  field
//	16      link digest of the item
//	2       hands, as the bundle said
type custodyWord struct {
	digest link.Digest
	hands  uint16
}

const custodySize = 16 + 2

func (w custodyWord) append(b []byte) []byte {
	return binary.BigEndian.AppendUint16(append(b, w.digest[:]...), w.hands)
}

// sealCustody acknowledges to the writer of a bundle what we took. The octets follow from what is said and to whom, so that
// a stick that is read twice gets one file. All that the sealing depends on makes its random octets: no key meets two texts.
func (c *Core) sealCustody(t *taking) ([]byte, error) {
	var body []byte
	for _, w := range t.acks {
		body = w.append(body)
	}
	rec, ok := c.roster.Get(t.from)
	if !ok {
		return nil, errNoDomain
	}
	all := append(append(bytes.Clone(c.member.Domain.Key[:]), rec.Static[:]...), t.from[:]...)
	said := sha256.Sum256(append(appendTime(all, t.expires), body...))
	random, err := hkdf.Key(sha256.New, c.id.Static[:], said[:], "packhorse bundle custody", 64)
	if err != nil {
		return nil, err
	}
	in := bundle.Contents{Items: []bundle.Item{{Kind: ItemCustody, Priority: uint8(link.Message), Body: body}}, Expires: t.expires}
	return c.sealer().Seal(bundle.Recipient{ID: t.from, Static: rec.Static}, in, bytes.NewReader(random))
}

// takeCustody takes acknowledgements one by one.
func (c *Core) takeCustody(now time.Time, from link.PeerID, b []byte, reply replyFunc) {
	if len(b)%custodySize != 0 || len(b) > 2*bundle.MaxItems*custodySize { // no bundle has more items
		reply(now, link.ReasonMalformed)
		return
	}
	if len(b) == 0 {
		reply(now, link.ReasonNone)
		return
	}
	w := custodyWord{link.Digest(b[:16]), binary.BigEndian.Uint16(b[16:])}
	c.takeCustodyWord(now, from, w, func(now time.Time, r link.Reason) {
		if r != link.ReasonNone {
			reply(now, r)
			return
		}
		c.takeCustody(now, from, b[custodySize:], reply)
	})
}

func (c *Core) takeCustodyWord(now time.Time, from link.PeerID, w custodyWord, reply replyFunc) {
	if n := c.notes.byDigest[w.digest]; n != nil && c.noteTarget(n) == from && w.hands > n.hands {
		c.endNoteByStick(now, n, reply)
		return
	}
	x := c.queue.byDigest[w.digest]
	switch {
	case x == nil || x.fresh || c.parcelTarget(x) != from || x.State != Saved || x.Local || w.hands <= x.Hands:
		reply(now, link.ReasonNone)
		return
	case !c.carriedBy(now, x, from, func(now time.Time, err error) { reply(now, reasonOfStore(err)) }):
		reply(now, link.ReasonBusy)
	}
}

// carriedBy makes it durable that a gateway has custody. The origin keeps the body until the receipt.
func (c *Core) carriedBy(now time.Time, x *entry, by link.PeerID, done batchDone) bool {
	c.watchCustody(now)
	return c.change(x, func(r *parcelRecord) {
		r.State, r.By, r.Since = Carried, by, now
		r.Held = r.Origin
	}, nil, done)
}

func (c *Core) endNoteByStick(now time.Time, n *note, reply replyFunc) {
	if n.raising {
		reply(now, link.ReasonBusy)
		return
	}
	c.persist(batch{ops: []store.Op{n.delete()}}, func(now time.Time, err error) {
		if err == nil && c.notes.byDigest[n.digest] == n {
			c.forgetNote(n)
		}
		reply(now, reasonOfStore(err))
	})
}
