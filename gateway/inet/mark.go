package inet

import (
	"bytes"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"packhorse/gateway"
	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/store"
	"packhorse/store/queue"
)

// mark is something to remember of a private gateway until a time: a parcel that cargo of its brought, or a CCA of its
// that was served (only ID is set then).
//
//	octets  field
//	1       version, 1
//	8       until when, seconds since 1970
//	2 + n   each: private gateway, sender id, recipient id, id
type mark struct {
	cargo.PCA
	of    pki.NodeID
	until time.Time
}

func (m *mark) id() queue.ID {
	return hashOf(string(m.of), string(m.Sender), string(m.Recipient), m.ID)
}

// marks are bounded as a whole, and a quarter of them as those of one private gateway.
type marks struct {
	kind  store.Kind
	limit int
	byID  map[queue.ID]*mark
	of    map[pki.NodeID]int
}

func newMarks(kind store.Kind, limit int) marks {
	return marks{kind: kind, limit: limit, byID: map[queue.ID]*mark{}, of: map[pki.NodeID]int{}}
}

// put gives what to store of a mark; nothing when it is known already or there is no room.
func (t *marks) put(m mark) []store.Op {
	id := m.id()
	if t.byID[id] != nil || len(t.byID) >= t.limit || t.of[m.of] >= (t.limit+3)/4 {
		return nil
	}
	return []store.Op{{Kind: t.kind, Key: id.Key(), Value: m.marshal()}}
}

// add remembers a mark that is durable.
func (t *marks) add(m mark) {
	if id := m.id(); t.byID[id] == nil {
		t.byID[id] = &m
		t.of[m.of]++
	}
}

// drop forgets a mark.
func (t *marks) drop(id queue.ID) {
	m := t.byID[id]
	if m == nil {
		return
	}
	delete(t.byID, id)
	if t.of[m.of]--; t.of[m.of] == 0 {
		delete(t.of, m.of)
	}
}

// list gives those of a private gateway, in an order that depends on nothing else.
func (t *marks) list(of pki.NodeID) (out []*mark) {
	if t.of[of] == 0 {
		return nil
	}
	for _, id := range t.sorted(func(m *mark) bool { return m.of == of }) {
		out = append(out, t.byID[id])
	}
	return out
}

func (t *marks) sorted(which func(*mark) bool) (ids []queue.ID) {
	for id, m := range t.byID {
		if which(m) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b queue.ID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// maxSweep bounds what one look ends.
const maxSweep = 1024

// expire forgets what is over, not more than maxSweep of them.
func (t *marks) expire(now time.Time) (ops []store.Op) {
	over := t.sorted(func(m *mark) bool { return m.until.Before(now) })
	for _, id := range over[:min(len(over), maxSweep)] {
		t.drop(id)
		ops = append(ops, store.Op{Kind: t.kind, Key: id.Key(), Delete: true})
	}
	return ops
}

func (m *mark) marshal() []byte {
	var b cryptobyte.Builder
	b.AddUint8(recordVersion)
	addTime(&b, m.until)
	addTexts(&b, string(m.of), string(m.Sender), string(m.Recipient), m.ID)
	return b.BytesOrPanic()
}

func (t *marks) restore(r gateway.Record) error {
	o := reader{in: r.Value}
	var m mark
	version := o.u8()
	m.until, m.of = o.time(), pki.NodeID(o.text())
	m.Sender, m.Recipient, m.ID = pki.NodeID(o.text()), pki.NodeID(o.text()), o.text()
	if err := o.end(); err != nil || version != recordVersion {
		return errRecord
	}
	t.add(m)
	return nil
}
