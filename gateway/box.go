package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/store"
)

// box is the built-in endpoint, by which people write to each other without an app. It writes and
// reads parcels like any other: there is no side door.
type box struct {
	ep      *endpoint.Endpoint
	saved   map[string]digest        // of the records of its state that are on disk or on the way there, by key
	newer   map[string]bool          // keys of records of a newer version of the program: never written nor deleted
	letters map[string]*letterRecord // by key
	bytes   int64                    // octets of their contents
	reopen  time.Time                // when to try again what the store did not take, zero: nothing
}

const (
	defaultTTL    = 14 * day
	maxTTL        = 180 * day
	backdate      = 90 * time.Minute // of certificates, for clocks that differ
	endpointLife  = 180 * day
	maxFilename   = 255
	filenameParam = "name"
)

func newBox(ep *endpoint.Endpoint) box {
	return box{ep: ep, saved: map[string]digest{}, newer: map[string]bool{}, letters: map[string]*letterRecord{}}
}

// keep takes a durable letter into the inbox.
func (b *box) keep(l *letterRecord) {
	if b.letters[l.Key] == nil {
		b.bytes += int64(l.Size)
	}
	b.letters[l.Key] = l
}

func (b *box) id() pki.NodeID { return b.ep.ID() }

// put stands in a batch for what has changed of the endpoint's state when that is written.
func (b *box) put() store.Op { return store.Op{Kind: KindBuiltin} }

// certify gives the built-in endpoint its certificate under a membership.
func (c *Core) certify(now time.Time, m *domain.Membership) error {
	cert, err := c.boxUnder(now, m.Cert)
	if err != nil {
		return err
	}
	c.box.ep.Certificate, c.box.ep.Chain = cert, []*pki.Certificate{m.Cert}
	return nil
}

// boxUnder is a certificate of the built-in endpoint under one of ours.
func (c *Core) boxUnder(now time.Time, root *pki.Certificate) (*pki.Certificate, error) {
	cert, err := pki.Issue(pki.Template{Subject: c.box.ep.Key.Public(), Issuer: root, IssuerKey: c.id.RSA,
		NotBefore: now.Add(-backdate), NotAfter: now.Add(endpointLife), CA: true, PathLen: 0, Rand: c.cfg.Rand})
	if err != nil {
		return nil, fmt.Errorf("gateway: certificate of the built-in endpoint: %w", err)
	}
	return cert, nil
}

// send writes a parcel to a contact and takes it in like any other.
func (c *Core) send(now time.Time, e Send) {
	in, gw, err := c.compose(now, e)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	if gw != (link.PeerID{}) {
		c.draft(now, e, gw)
		return
	}
	in.rec.Priority = min(e.Priority, link.Bulk)
	c.submitLocal(now, e.Token, in)
}

// compose seals a parcel, or names the gateway that must be asked for a contact first.
func (c *Core) compose(now time.Time, e Send) (in intake, gw link.PeerID, err error) {
	if c.member == nil {
		return in, gw, errNoDomain
	}
	if c.quality == pki.ClockNone {
		return in, gw, &Error{Code: "not_yet", Message: "the clock was never set: nobody could tell how old the parcel is", Fix: "set the time, or wait for a neighbour with a clock"}
	}
	if len(e.Filename) > maxFilename {
		return in, gw, &Error{Code: "usage", Message: "the file name is longer than 255 octets", Fix: "choose a shorter one"}
	}
	to, gw, err := c.whom(now, e.To)
	if err != nil || gw != (link.PeerID{}) {
		return in, gw, err
	}
	c.refreshContact(now, to)
	in, err = c.write(now, to.ID, letterText{typ: withFilename(e.Type, e.Filename), content: e.Content, created: now.UTC().Truncate(time.Second), ttl: lifeOf(e)})
	return in, gw, err
}

func lifeOf(e Send) time.Duration {
	if e.TTL <= 0 {
		return defaultTTL
	}
	return min(e.TTL, maxTTL)
}

// letterText is what a parcel of the built-in endpoint says.
type letterText struct {
	typ     string
	content []byte
	created time.Time
	ttl     time.Duration
}

// write seals a parcel to a contact.
func (c *Core) write(now time.Time, to pki.NodeID, l letterText) (intake, error) {
	id, err := ramf.NewID(c.cfg.Rand)
	if err != nil {
		return intake{}, err
	}
	raw, err := c.box.ep.Seal(to, id, l.typ, l.content, l.created, l.ttl, c.cfg.Rand)
	if err != nil {
		return intake{}, err
	}
	in, err := c.inspect(now, raw)
	if err != nil {
		return in, err
	}
	in.extra = []store.Op{c.box.put()}
	return in, err
}

// withFilename puts a file name into the type of a message (RFC 2045, RFC 2231).
func withFilename(typ, filename string) string {
	if typ == "" {
		typ = "application/octet-stream"
	}
	if filename == "" {
		return typ
	}
	if t := mime.FormatMediaType(typ, map[string]string{filenameParam: filename}); t != "" {
		return t
	}
	return typ
}

// splitFilename undoes withFilename. Type and name are hostile.
func splitFilename(typ string) (string, string) {
	t, params, err := mime.ParseMediaType(typ)
	if err != nil || len(params[filenameParam]) > maxFilename {
		return typ, ""
	}
	return t, params[filenameParam]
}

// openLetter opens a parcel for the built-in endpoint. Letter and delivery become durable together.
func (c *Core) openLetter(now time.Time, x *entry) {
	if len(c.box.letters) >= c.cfg.Limits.Letters || c.box.bytes+int64(x.Size) > c.cfg.Limits.LetterBytes {
		c.notice(true, "the inbox is full: a parcel waits")
		return
	}
	c.load(KindBody, digestKey(x.Digest), func(now time.Time, body []byte, err error) {
		raw, err := rebuild(x, body, err)
		if err != nil {
			c.notice(true, err.Error())
			if err != errSpoiled {
				c.reopenLater(now)
			}
			return
		}
		c.storeLetter(now, x, raw)
	})
}

func (c *Core) storeLetter(now time.Time, x *entry, raw []byte) {
	opened, err := c.box.ep.Open(raw)
	if err != nil {
		why := "cannot be opened: " + err.Error()
		c.notice(true, "a parcel from "+string(x.Sender)+" "+why)
		c.change(x, func(r *parcelRecord) {
			r.State, r.Since, r.Held, r.Why = Refused, now, false, why[:min(len(why), maxWhy)]
		}, nil, ignoreResult)
		return
	}
	typ, name := splitFilename(opened.Type)
	l := &letterRecord{Key: hex.EncodeToString(x.Sum[:]), Sender: opened.Sender, Type: typ, Filename: name,
		Size: len(opened.Content), Written: opened.Created, Arrived: now, New: true}
	ops := []store.Op{c.box.put(), l.put(), {Kind: KindLetterBody, Key: l.Key, Value: opened.Content}}
	if !c.finish(now, x, ops, func(now time.Time, err error) {
		if err != nil {
			return
		}
		c.box.keep(l)
		c.emit(LetterArrived{Letter: c.letterView(l)})
	}) {
		c.reopenLater(now)
	}
}

// reopenLater looks again at parcels to endpoints here that could not be changed: the store did not take it, or
// another change was on its way.
func (c *Core) reopenLater(now time.Time) {
	if c.box.reopen.IsZero() {
		c.box.reopen = now.Add(holdBroken)
	}
}

func (c *Core) reopen(now time.Time) {
	if c.box.reopen.IsZero() || c.box.reopen.After(now) {
		return
	}
	c.box.reopen = time.Time{}
	for _, x := range c.queue.all() {
		c.place(now, x)
	}
	c.openWaiting(now)
	c.offerAgain(now)
}

// readLetter answers with a letter and marks it read.
func (c *Core) readLetter(now time.Time, e ReadLetter) {
	l, err := c.findLetter(e.ID)
	if err != nil {
		c.answer(e.Token, nil, err)
		return
	}
	c.load(KindLetterBody, l.Key, func(now time.Time, content []byte, err error) {
		if err == nil && (l.leaving || c.box.letters[l.Key] == nil) { // or its read mark would bring it back
			err = store.ErrNotFound
		}
		if err != nil {
			c.answer(e.Token, nil, storeError(err))
			return
		}
		view := c.letterView(l)
		view.Content = content
		if l.New {
			read := *l
			read.New = false
			c.persist(batch{ops: []store.Op{read.put()}}, func(_ time.Time, err error) { l.New = l.New && err != nil })
		}
		c.answer(e.Token, view, nil)
	})
}

func sumOf(raw []byte) [32]byte { return sha256.Sum256(raw) }
