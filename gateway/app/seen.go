package app

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/pki"
	"packhorse/store"
)

// maxSeen bounds the letters that are remembered, whoever sends how many. Beyond it those are forgotten that expire
// first; only they could be handed out twice, and only if the gateway lost an acknowledgement.
const maxSeen = 65536

// seenRecord is a letter that was handed out, until it expires. Then no gateway has it any more.
type seenRecord struct {
	V     int       `json:"v"`
	Until time.Time `json:"until"`
	Done  bool      `json:"done,omitempty"` // by the handler
}

// seenKey is short, whatever the sender chose.
func seenKey(from pki.NodeID, id string) string {
	d := sha256.Sum256([]byte(string(from) + "\x00" + id))
	return hex.EncodeToString(d[:])
}

func (e *Endpoint) restoreSeen(key string, b []byte) error {
	var s seenRecord
	if err := e.decode(b, &s, &s.V); err != nil {
		return err
	}
	e.seen[key] = &s
	return nil
}

// handOut makes durable that a letter is handed out, with what came with it: the key to answer with. e.mu is held.
func (e *Endpoint) handOut(key string, until time.Time) error {
	s := &seenRecord{V: recordVersion, Until: until}
	ops := append(e.crowdedOut(), put(kindSeen, key, s))
	if err := e.commit(ops...); err != nil {
		return err
	}
	e.seen[key] = s
	return nil
}

// handled makes durable that it is done with.
func (e *Endpoint) handled(key string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	done := *e.seen[key]
	done.Done = true
	if err := e.commit(put(kindSeen, key, done)); err != nil {
		return err
	}
	e.seen[key] = &done
	return nil
}

// crowdedOut makes room for one more.
func (e *Endpoint) crowdedOut() (ops []store.Op) {
	if len(e.seen) < maxSeen {
		return nil
	}
	for _, key := range e.seenByEnd()[:maxSeen/8] {
		delete(e.seen, key)
		ops = append(ops, store.Op{Kind: kindSeen, Key: key, Delete: true})
	}
	return ops
}

func (e *Endpoint) seenByEnd() []string {
	return slices.SortedFunc(maps.Keys(e.seen), func(a, b string) int {
		return cmp.Or(e.seen[a].Until.Compare(e.seen[b].Until), cmp.Compare(a, b))
	})
}

// tidySeen forgets what has expired. e.mu is held.
func (e *Endpoint) tidySeen(now time.Time) (ops []store.Op) {
	for _, key := range e.seenByEnd() {
		if !e.seen[key].Until.Before(now) {
			break
		}
		delete(e.seen, key)
		ops = append(ops, store.Op{Kind: kindSeen, Key: key, Delete: true})
	}
	return ops
}
