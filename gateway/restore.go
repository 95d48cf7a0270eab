package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/gateway/uplink"
	"packhorse/link"
	"packhorse/store"
)

// restoreOrder: what later kinds refer to comes first.
var restoreOrder = []store.Kind{KindCounter, KindMember, KindBuiltin, KindEndpoint, KindAdvert, KindParcel,
	KindNote, KindLetter, KindPartial, KindDraft, KindOwed, KindUplink, KindRate, KindDenial}

// restore rebuilds the state from records. One that cannot be read is passed over: the rest still works.
func (c *Core) restore(records []Record) {
	if c.member != nil {
		c.joinRoster(c.member)
	}
	for _, kind := range restoreOrder {
		switch kind {
		case KindBuiltin:
			if err := c.restoreBox(records); err != nil {
				c.notice(true, "store: "+err.Error())
			}
			continue
		case KindUplink:
			c.restoreBook(records)
			continue
		}
		for _, r := range records {
			if r.Kind != kind {
				continue
			}
			if err := c.restoreOne(r); err != nil {
				c.notice(true, fmt.Sprintf("store: record %d %q passed over: %v", r.Kind, r.Key, err))
			}
		}
	}
}

func (c *Core) restoreOne(r Record) error {
	switch r.Kind {
	case KindCounter:
		if len(r.Value) != 8 {
			return errOctets
		}
		c.counters[r.Key] = binary.BigEndian.Uint64(r.Value)
	case KindMember:
		m, err := parseMemberRecord(r.Value)
		if err != nil || c.roster == nil {
			return err
		}
		return c.restoreMember(m)
	case KindEndpoint:
		c.local[pki.NodeID(r.Key)] = localEndpoint{}
	case KindAdvert:
		return c.restoreAdvert(r.Value)
	case KindParcel:
		p, err := parseParcelRecord(r.Value)
		if err != nil {
			return err
		}
		x := c.entryOf(p)
		c.queue.add(x)
		c.queue.Restore(x.item(), p.Held)
		c.reline(x)
	case KindNote:
		n, err := c.parseNote(r.Value)
		if err != nil {
			return err
		}
		c.keepNote(n)
	case KindLetter:
		l, err := parseLetterRecord(r.Key, r.Value)
		if err != nil {
			return err
		}
		c.box.keep(&l)
	case KindPartial:
		return c.restorePartial(r)
	case KindRate, KindDenial:
		return c.restorePermit(r)
	case KindOwed:
		id, w, err := parseOwed(r.Value)
		if err != nil {
			return err
		}
		c.owe(id, w)
	case KindDraft:
		d, err := parseDraftRecord(r.Value)
		if err != nil || len(r.Key) < shownID {
			return errOctets
		}
		c.drafts.add(&draft{draftRecord: d, key: r.Key})
		c.expireAt(d.Expires)
	}
	return nil
}

func (c *Core) restoreBook(records []Record) {
	var all []uplink.Record
	for _, r := range records {
		if r.Kind == KindUplink {
			all = append(all, uplink.Record{Key: r.Key, Value: r.Value})
		}
	}
	for _, s := range c.book.Load(all) {
		c.notice(true, fmt.Sprintf("store: record %d %q passed over: %v", KindUplink, s.Key, s.Err))
	}
}

// restoreMember believes the dates that were judged when the record came; every session judges them again.
func (c *Core) restoreMember(m memberRecord) error {
	rec, _, err := c.roster.Add(m.Raw, time.Time{}, pki.ClockNone)
	if errors.Is(err, domain.ErrRevoked) {
		rec, err = domain.ParseRecord(m.Raw, c.member.Domain) // kept, to be known as revoked
	}
	if err != nil {
		return err
	}
	c.members[rec.ID] = m
	return nil
}

func (c *Core) restoreAdvert(b []byte) error {
	if c.member == nil || len(b) == 0 {
		return nil
	}
	a, err := c.parseAdvert(b[0], b[1:])
	if err != nil {
		return err
	}
	c.adverts.set(a)
	if a.kind == ItemDomainAdvert {
		c.roster.HandleAdvert(a.domain)
	}
	return nil
}

func (c *Core) restorePartial(r Record) error {
	p, err := parsePartialRecord(r.Value)
	if err != nil {
		return err
	}
	d := p.Item.Digest
	if !strings.HasPrefix(r.Key, digestKey(d)) {
		return errOctets
	}
	c.partials.set(c.partials.of(d, p.From), r.Key, len(r.Value))
	c.resumes = append(c.resumes, link.Resume{Item: p.Item, Block: p.Block, Have: p.Have, Symbols: p.Symbols})
	return nil
}

// boot runs once, with the first `now`: members and partials go to the link, letters that were not opened
// are opened.
func (c *Core) boot(now time.Time) {
	if c.booted {
		return
	}
	c.booted, c.dirty = true, true
	if c.member != nil {
		c.takeDomain(now, c.roster.Advert())
	}
	for _, id := range c.memberIDs() {
		if rec, ok := c.roster.Get(id); ok {
			c.link.HandleEvent(now, link.AddMember{Member: rec.Member()})
		}
	}
	for _, r := range c.resumes {
		c.link.HandleEvent(now, r)
	}
	c.resumes = nil
	if own := c.adverts.bySubject[nodeSubject(c.self)]; own != nil {
		c.exits.remember(now, own.uplinks)
	}
	c.loseMoved(now)
	for _, x := range c.queue.all() {
		if _, ours := c.local[x.Recipient]; ours && x.deliverable() {
			c.arrived(now, x)
		} else if c.member != nil {
			c.place(now, x)
		}
	}
}
