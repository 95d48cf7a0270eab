package domain

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// MaxMembers bounds a roster.
const MaxMembers = 4096

// ShortID is 8 octets of a hash of a gateway's id, for places where 32 are too many. It finds, it proves nothing.
type ShortID [8]byte

// ShortOf is the short id of a gateway.
func ShortOf(id link.PeerID) (s ShortID) {
	h := sha256.Sum256(append([]byte("packhorse short id\x00"), id[:]...))
	copy(s[:], h[:])
	return s
}

// Roster is the known members of one domain and the newest word on who left it. It is a state machine
// without clock or file: the caller persists Record.Raw of what Add reports new and Advert().Raw, and
// feeds them again after a start. Not safe for concurrent use.
type Roster struct {
	domain  Info
	advert  DomainAdvert
	byID    map[link.PeerID]Record
	byShort map[ShortID]link.PeerID
	byRSA   map[[32]byte]link.PeerID
}

// NewRoster knows nobody.
func NewRoster(d Info) *Roster {
	return &Roster{domain: d, byID: map[link.PeerID]Record{}, byShort: map[ShortID]link.PeerID{}, byRSA: map[[32]byte]link.PeerID{}}
}

// Add takes a record heard from anywhere. changed tells that it is new or newer than the one we had. Errors are
// ErrSignature, ErrRevoked, ErrDates, or a malformed record.
func (t *Roster) Add(raw []byte, now time.Time, q pki.Quality) (rec Record, changed bool, err error) {
	if rec, err = ParseRecord(raw, t.domain); err != nil {
		return Record{}, false, err
	}
	if err = t.judge(rec, now, q); err != nil {
		return Record{}, false, err
	}
	if old, known := t.byID[rec.ID]; known && !rec.newerThan(old) {
		return old, false, nil
	}
	t.insert(rec)
	return rec, true, nil
}

// insert replaces the record of the same gateway, or else, when full, the one that ends first.
func (t *Roster) insert(rec Record) {
	if old, known := t.byID[rec.ID]; known {
		t.dropRSA(old)
	} else if len(t.byID) >= MaxMembers {
		all := t.Members()
		t.remove(slices.MinFunc(all, func(a, b Record) int { return a.NotAfter.Compare(b.NotAfter) }).ID)
	}
	t.byID[rec.ID] = rec
	t.byShort[ShortOf(rec.ID)] = rec.ID
	t.byRSA[rec.RSAHash] = rec.ID
}

// Check says whether a gateway is a member now: nil, ErrUnknown, ErrRevoked or ErrDates. Ask it at every
// validation: of a session, an advert, a receipt, a certificate path. With q = ClockNone dates are not judged.
func (t *Roster) Check(id link.PeerID, now time.Time, q pki.Quality) error {
	rec, known := t.byID[id]
	if !known {
		return ErrUnknown
	}
	return t.judge(rec, now, q)
}

func (t *Roster) judge(rec Record, now time.Time, q pki.Quality) error {
	if revoked(t.advert.Revoked, rec) {
		return ErrRevoked
	}
	if !rec.Valid(now, q) {
		return ErrDates
	}
	return nil
}

// HandleAdvert takes a verified DomainAdvert. newer tells that it replaces ours: store and spread it. left
// are the known members that it takes out, sorted; they are forgotten here.
func (t *Roster) HandleAdvert(a DomainAdvert) (left []link.PeerID, newer bool) {
	if len(t.advert.Raw) > 0 && (a.Epoch < t.advert.Epoch || a.Epoch == t.advert.Epoch && !a.Issued.After(t.advert.Issued)) {
		return nil, false
	}
	t.advert = a
	for _, rec := range t.Members() {
		if revoked(a.Revoked, rec) {
			t.remove(rec.ID)
			left = append(left, rec.ID)
		}
	}
	return left, true
}

func (t *Roster) remove(id link.PeerID) {
	t.dropRSA(t.byID[id])
	delete(t.byID, id)
	if s := ShortOf(id); t.byShort[s] == id {
		delete(t.byShort, s)
	}
}

func (t *Roster) dropRSA(rec Record) {
	if t.byRSA[rec.RSAHash] == rec.ID {
		delete(t.byRSA, rec.RSAHash)
	}
}

// SetDomain takes a renewed Info of the same domain.
func (t *Roster) SetDomain(d Info) {
	if d.ID == t.domain.ID {
		t.domain = d
	}
}

// Revokes tells whether the newest advert takes out the gateway of a record.
func (t *Roster) Revokes(r Record) bool { return revoked(t.advert.Revoked, r) }

// Advert is the newest DomainAdvert; its Raw is empty when none is known.
func (t *Roster) Advert() DomainAdvert { return t.advert }

// Get returns the record of a gateway, whatever its dates.
func (t *Roster) Get(id link.PeerID) (Record, bool) {
	rec, ok := t.byID[id]
	return rec, ok
}

// ByShort returns the record of the gateway with this short id; of two with one short id, the later heard.
func (t *Roster) ByShort(s ShortID) (Record, bool) {
	id, ok := t.byShort[s]
	if !ok {
		return Record{}, false
	}
	return t.Get(id)
}

// ByRSA returns the record of the gateway whose RSA key has this SHA-256 of its SubjectPublicKeyInfo; of two with
// one key, the later heard.
func (t *Roster) ByRSA(hash [32]byte) (Record, bool) {
	id, ok := t.byRSA[hash]
	if !ok {
		return Record{}, false
	}
	return t.Get(id)
}

// Members lists the records sorted by id, whatever their dates.
func (t *Roster) Members() []Record {
	out := make([]Record, 0, len(t.byID))
	for _, rec := range t.byID {
		out = append(out, rec)
	}
	slices.SortFunc(out, func(a, b Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// Forget drops the records that ended before now and returns their gateways, sorted. It does nothing on a
// clock that only neighbours set: expiry never deletes by hearsay.
func (t *Roster) Forget(now time.Time, q pki.Quality) (gone []link.PeerID) {
	if q <= pki.ClockNeighbour {
		return nil
	}
	for _, rec := range t.Members() {
		if now.After(rec.NotAfter) {
			t.remove(rec.ID)
			gone = append(gone, rec.ID)
		}
	}
	return gone
}
