package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"time"

	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// draftRecord is a letter that cannot be sealed yet: its recipient's gateway was asked for a contact. Once
// sealed it stays as long as its parcel, so that the id which the sender was told still names it.
//
//	octets  field
//	1       version, 1
//	1       state
//	1       priority
//	32      gateway it is for
//	32      SHA-256 of its parcel, once sealed
//	8       when it was written, seconds since 1970
//	8       when it expires, seconds since 1970
//	4       octets of the content
//	4 + n   type, with the file name
type draftRecord struct {
	State    draftState
	Priority link.Priority
	To       link.PeerID
	Sum      [32]byte
	Created  time.Time
	Expires  time.Time
	Size     int
	Type     string
}

type draftState uint8

const (
	draftWaiting draftState = iota + 1
	draftSealed
	draftExpired
)

const (
	draftVersion = 1
	maxDrafts    = 1000
)

func (r *draftRecord) append(b []byte) []byte {
	b = append(b, draftVersion, byte(r.State), byte(r.Priority))
	b = append(append(b, r.To[:]...), r.Sum[:]...)
	b = appendTime(appendTime(b, r.Created), r.Expires)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Size))
	return appendCounted(b, r.Type)
}

func parseDraftRecord(b []byte) (draftRecord, error) {
	var r draftRecord
	o := octets{b: b}
	version := o.u8()
	r.State, r.Priority = draftState(o.u8()), link.Priority(o.u8())
	o.fill(r.To[:])
	o.fill(r.Sum[:])
	r.Created, r.Expires = o.time(), o.time()
	r.Size = int(o.u32())
	r.Type = o.text(maxType)
	if version != draftVersion || r.State < draftWaiting || r.State > draftExpired || r.Priority > link.Bulk || r.Size < 0 || r.Size > maxParcel {
		return draftRecord{}, errOctets
	}
	return r, o.end()
}

// draft is a record with what need not survive a restart.
type draft struct {
	draftRecord
	key  string // 32 random octets in hex
	busy bool   // it is just being sealed
}

func (d *draft) put() store.Op {
	return store.Op{Kind: KindDraft, Key: d.key, Value: d.append(nil)}
}

func (d *draft) dropBody() store.Op {
	return store.Op{Kind: KindDraftBody, Key: d.key, Delete: true}
}

// drafts are the letters that wait for a contact, and those that did.
type drafts struct {
	byKey map[string]*draft
	bySum map[[32]byte]*draft
	bytes int64 // of the contents that wait
}

func newDrafts() drafts { return drafts{byKey: map[string]*draft{}, bySum: map[[32]byte]*draft{}} }

func (t *drafts) add(d *draft) {
	t.byKey[d.key] = d
	switch d.State {
	case draftWaiting:
		t.bytes += int64(d.Size)
	case draftSealed:
		t.bySum[d.Sum] = d
	}
}

func (t *drafts) remove(d *draft) {
	delete(t.byKey, d.key)
	delete(t.bySum, d.Sum)
	if d.State == draftWaiting {
		t.bytes -= int64(d.Size)
	}
}

// draft keeps a letter until its recipient's gateway has let us write to it.
func (c *Core) draft(now time.Time, e Send, gw link.PeerID) {
	d, err := c.newDraft(now, e, gw)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	ops := []store.Op{{Kind: KindDraftBody, Key: d.key, Value: e.Content}, d.put()}
	c.persist(batch{ops: ops}, func(now time.Time, err error) {
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		c.drafts.add(d)
		c.expireAt(d.Expires)
		c.dirty = true
		c.emit(ParcelChanged{Parcel: c.draftView(d)})
		c.answer(e.Token, c.draftView(d), nil)
	})
}

func (c *Core) newDraft(now time.Time, e Send, gw link.PeerID) (*draft, error) {
	if len(e.Content) > ramf.MaxPayload {
		return nil, &ramf.Error{Refusal: ramf.TooBig, Detail: "the content is larger than a parcel can be"}
	}
	if len(c.drafts.byKey) >= maxDrafts {
		return nil, &Error{Code: "quota", Message: "too many letters wait for a contact", Fix: "wait until some are sealed: packhorse queue"}
	}
	if err := c.ownRoom(min(e.Priority, link.Bulk), int(c.drafts.bytes)+len(e.Content)); err != nil {
		return nil, c.quotaError(err)
	}
	var key [32]byte
	if _, err := io.ReadFull(c.cfg.Rand, key[:]); err != nil {
		return nil, err
	}
	created := now.UTC().Truncate(time.Second)
	return &draft{key: hex.EncodeToString(key[:]), draftRecord: draftRecord{State: draftWaiting, Priority: min(e.Priority, link.Bulk), To: gw,
		Created: created, Expires: created.Add(lifeOf(e)), Size: len(e.Content), Type: withFilename(e.Type, e.Filename)}}, nil
}

// sealDrafts seals what can be sealed, and asks for the contacts of the rest.
func (c *Core) sealDrafts(now time.Time) {
	for _, key := range sortedKeys(c.drafts.byKey) {
		d := c.drafts.byKey[key]
		if d.State != draftWaiting || d.busy {
			continue
		}
		if _, ok := c.contactAt(now, d.To); ok {
			c.sealDraft(d)
		} else if c.IsMember(now, d.To) {
			c.askContact(now, d.To)
		}
	}
}

func (c *Core) sealDraft(d *draft) {
	d.busy = true
	c.load(KindDraftBody, d.key, func(now time.Time, content []byte, err error) {
		if err == nil {
			err = c.sendDraft(now, d, content)
		}
		if err != nil {
			d.busy = false
			c.notice(true, "a letter to "+c.peerName(d.To)+" waits: "+err.Error())
			c.wakeAt(now.Add(holdBroken))
		}
	})
}

// sendDraft seals a draft. The parcel takes its place in one batch.
func (c *Core) sendDraft(now time.Time, d *draft, content []byte) error {
	k, ok := c.contactAt(now, d.To)
	if !ok {
		return errLater
	}
	in, err := c.write(now, k.ID, letterText{typ: d.Type, content: content, created: d.Created, ttl: d.Expires.Sub(d.Created)})
	if err != nil {
		return err
	}
	sealed := *d
	sealed.State, sealed.Sum = draftSealed, in.rec.Sum
	in.rec.Priority, in.rec.Origin = d.Priority, true
	in.extra = append(in.extra, sealed.put(), d.dropBody())
	c.drafts.bySum[sealed.Sum] = d
	c.admit(now, in, func(now time.Time, _ *entry, err error) {
		d.busy = false
		c.drafts.remove(d)
		if err == nil {
			d.draftRecord = sealed.draftRecord
		} else {
			delete(c.drafts.bySum, sealed.Sum)
			c.wakeAt(now.Add(holdBroken))
		}
		c.drafts.add(d)
	})
	return nil
}

// expireDrafts ends those whose contact never came, and forgets what is over.
func (c *Core) expireDrafts(now time.Time) {
	for _, key := range sortedKeys(c.drafts.byKey) {
		switch d := c.drafts.byKey[key]; {
		case d.busy:
			c.expireAt(now.Add(time.Second))
		case d.State == draftSealed && c.queue.bySum[d.Sum] != nil:
		case d.State == draftWaiting && d.Expires.After(now):
			c.expireAt(d.Expires)
		case d.State == draftWaiting:
			c.endDraft(d)
			c.expireAt(d.Expires.Add(memory))
		case d.State == draftExpired && d.Expires.Add(memory).After(now):
			c.expireAt(d.Expires.Add(memory))
		default:
			c.drafts.remove(d)
			c.persist(batch{ops: []store.Op{{Kind: KindDraft, Key: d.key, Delete: true}}}, ignoreResult)
		}
	}
}

func (c *Core) endDraft(d *draft) {
	c.drafts.remove(d)
	d.State = draftExpired
	c.drafts.add(d)
	c.persist(batch{ops: []store.Op{d.put(), d.dropBody()}}, ignoreResult)
	c.emit(ParcelChanged{Parcel: c.draftView(d)})
}

func (c *Core) draftView(d *draft) Parcel {
	v := Parcel{ID: d.key[:shownID], Sender: c.box.id(), To: c.peerName(d.To), From: c.name(), Priority: d.Priority, Size: d.Size,
		State: Saved, Origin: true, Since: d.Created, Expires: d.Expires, Why: whyContact}
	if d.State == draftExpired {
		v.State, v.Since, v.Why = Expired, d.Expires, ""
	}
	return v
}

// draftViews lists those that wait, and with all also those that ended so, oldest first.
func (c *Core) draftViews(all bool) (out []Parcel) {
	for _, key := range sortedKeys(c.drafts.byKey) {
		if d := c.drafts.byKey[key]; d.State == draftWaiting || all && d.State == draftExpired {
			out = append(out, c.draftView(d))
		}
	}
	slices.SortStableFunc(out, func(a, b Parcel) int { return a.Since.Compare(b.Since) })
	return out
}

// shownAs is the id by which people know a parcel: that of its draft if it had one.
func (c *Core) shownAs(sum [32]byte) string {
	if d := c.drafts.bySum[sum]; d != nil {
		return d.key
	}
	return hex.EncodeToString(sum[:])
}
