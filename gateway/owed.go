package gateway

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
	"packhorse/store/queue"
)

// owed is a parcel that came in cargo. Nobody tells us whether an acknowledgement arrived, so every cargo repeats it until
// the parcel expires (RS-000).
//
//	octets  field
//	1       version, 1
//	8       when the parcel expires, seconds since 1970
//	4 + n   each: sender id, recipient id, id of the parcel
type owed struct {
	expires time.Time
	cargo.PCA
}

const owedVersion = 1

func (w *owed) put(id queue.ID) store.Op {
	b := appendTime([]byte{owedVersion}, w.expires)
	b = appendCounted(appendCounted(b, string(w.Sender)), string(w.Recipient))
	return store.Op{Kind: KindOwed, Key: id.Key(), Value: appendCounted(b, w.ID)}
}

func parseOwed(b []byte) (queue.ID, owed, error) {
	o := octets{b: b}
	version := o.u8()
	w := owed{expires: o.time()}
	w.Sender, w.Recipient, w.ID = pki.NodeID(o.text(maxNodeID)), pki.NodeID(o.text(maxNodeID)), o.text(maxParcelID)
	if version != owedVersion {
		return queue.ID{}, owed{}, errOctets
	}
	r := parcelRecord{Type: ramf.Parcel, Sender: w.Sender, Recipient: w.Recipient, ID: w.ID}
	return r.id(), w, o.end()
}

// owe remembers a durable debt.
func (c *Core) owe(id queue.ID, w owed) {
	c.owed[id] = w
	c.expireAt(w.expires)
}

// debts lists what is owed, oldest end first.
func (c *Core) debts() []queue.ID {
	return slices.SortedFunc(maps.Keys(c.owed), func(a, b queue.ID) int {
		if d := c.owed[a].expires.Compare(c.owed[b].expires); d != 0 {
			return d
		}
		return bytes.Compare(a[:], b[:])
	})
}

// expireOwed forgets what nobody can ask for any more.
func (c *Core) expireOwed(now time.Time) {
	var ops []store.Op
	for _, id := range c.debts() {
		if at := c.owed[id].expires; at.After(now) {
			c.expireAt(at)
			break
		}
		ops = append(ops, store.Op{Kind: KindOwed, Key: id.Key(), Delete: true})
		delete(c.owed, id)
	}
	if len(ops) > 0 {
		c.persist(batch{ops: ops}, ignoreResult) // what is left is dropped after the next start
	}
}
