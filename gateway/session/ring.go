package session

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"packhorse/gateway/pki"
)

// MaxAge is how long a private key bound to a peer is kept: a collection authorisation is good for two weeks, and
// cargo made under it for 180 days. The rest is slack.
const MaxAge = (14 + 180 + 14) * 24 * time.Hour

// ErrNoKey says that a payload is sealed to a key that this node has not, no longer, or only for another peer.
var ErrNoKey = errors.New("session: no key of ours for this payload and sender")

// Ring keeps the session keys of one node: its private keys, each for one peer or for anybody (unbound), and the
// latest public key of each peer. Methods that change it return what to store; memory is ahead of the store
// until then, which harms nobody as long as no message leaves before its records are durable. Pure. Not safe
// for concurrent use.
type Ring struct {
	own    pki.NodeID
	limit  int
	number uint64 // of the newest key or lesson
	keys   map[pki.NodeID][]kept
	peers  map[pki.NodeID]lesson
	count  int // of keys
}

// kept is a private key.
type kept struct {
	PrivateKey
	number  uint64    // rises from key to key
	created time.Time // zero: no trusted clock
}

// lesson is the latest public key of a peer.
type lesson struct {
	PublicKey
	number uint64
	at     time.Time // when the message was made that brought it
}

// NewRing makes the empty ring of the node with this id. It holds at most limit private keys and as many peers: beyond
// it, the peer with the most keys loses its oldest, and the peer longest unheard of is forgotten.
func NewRing(own pki.NodeID, limit int) *Ring {
	return &Ring{own: own, limit: limit, keys: map[pki.NodeID][]kept{}, peers: map[pki.NodeID]lesson{}}
}

// Keep stores a private key for the answers of peer, or of anybody when peer is empty; unbound keys do not expire. now
// dates the key when the clock can be trusted.
func (r *Ring) Keep(k PrivateKey, peer pki.NodeID, now time.Time, q pki.Quality) []Record {
	fresh := kept{PrivateKey: k, number: r.next()}
	if trusted(q) {
		fresh.created = seconds(now)
	}
	out := []Record{r.keyRecord(fresh, peer)}
	r.add(fresh, peer)
	for r.count > r.limit {
		out = append(out, r.drop(r.most(), 0))
	}
	return out
}

// Learn takes a key that came with a message of peer, unless a message made later brought one before: messages
// come out of order. No records: nothing changed.
func (r *Ring) Learn(peer pki.NodeID, k PublicKey, made time.Time) []Record {
	if have, ok := r.peers[peer]; ok && !made.After(have.at) {
		return nil
	}
	return r.Replace(peer, k, made)
}

// Replace takes a key whatever there was before, as a registration brings it. at may be zero: every message is
// later.
func (r *Ring) Replace(peer pki.NodeID, k PublicKey, at time.Time) []Record {
	l := lesson{PublicKey: k, number: r.next(), at: seconds(at)}
	r.peers[peer] = l
	out := []Record{r.peerRecord(l, peer)}
	if len(r.peers) > r.limit {
		oldest := r.longest()
		delete(r.peers, oldest)
		out = append(out, Record{Key: peerPrefix + string(oldest), Delete: true})
	}
	return out
}

// Peer is the latest public key of a peer.
func (r *Ring) Peer(id pki.NodeID) (PublicKey, bool) {
	l, ok := r.peers[id]
	return l.PublicKey, ok
}

// Seal encrypts to the latest key of peer and keeps the fresh one for its answer. Persist the records before the
// payload leaves.
func (r *Ring) Seal(plain []byte, peer pki.NodeID, now time.Time, q pki.Quality, rand io.Reader) ([]byte, []Record, error) {
	to, ok := r.Peer(peer)
	if !ok {
		return nil, nil, fmt.Errorf("session: no key of %s is known", peer)
	}
	payload, fresh, err := Seal(plain, to, rand)
	if err != nil {
		return nil, nil, err
	}
	return payload, r.Keep(fresh, peer, now, q), nil
}

// Open decrypts a payload of peer, made at made, and learns its newer key. The sender's signature is the caller's
// to verify. Errors: ErrNoKey, ErrDecrypt or what is malformed.
func (r *Ring) Open(payload []byte, peer pki.NodeID, made time.Time) ([]byte, []Record, error) {
	id, err := RecipientKeyID(payload)
	if err != nil {
		return nil, nil, err
	}
	k, ok := r.key(id, peer)
	if !ok {
		return nil, nil, ErrNoKey
	}
	plain, theirs, err := Open(payload, k)
	if err != nil {
		return nil, nil, err
	}
	return plain, r.Learn(peer, theirs, made), nil
}

// Forget ends all sessions with a peer.
func (r *Ring) Forget(peer pki.NodeID) (out []Record) {
	for len(r.keys[peer]) > 0 {
		out = append(out, r.drop(peer, 0))
	}
	if _, ok := r.peers[peer]; ok {
		delete(r.peers, peer)
		out = append(out, Record{Key: peerPrefix + string(peer), Delete: true})
	}
	return out
}

// Expire drops bound keys older than MaxAge. Without a trusted clock it does nothing.
func (r *Ring) Expire(now time.Time, q pki.Quality) (out []Record) {
	if !trusted(q) {
		return nil
	}
	for _, peer := range sorted(r.keys) {
		for i := 0; peer != "" && i < len(r.keys[peer]); i++ {
			if k := r.keys[peer][i]; !k.created.IsZero() && now.Sub(k.created) > MaxAge {
				out = append(out, r.drop(peer, i))
				i--
			}
		}
	}
	return out
}

// key finds the private key with this id for a message of peer.
func (r *Ring) key(id []byte, peer pki.NodeID) (PrivateKey, bool) {
	for _, of := range []pki.NodeID{peer, ""} {
		for _, k := range r.keys[of] {
			if string(k.ID) == string(id) {
				return k.PrivateKey, true
			}
		}
	}
	return PrivateKey{}, false
}

func (r *Ring) add(k kept, peer pki.NodeID) {
	r.keys[peer] = append(r.keys[peer], k)
	r.count++
}

// drop takes a key away.
func (r *Ring) drop(peer pki.NodeID, i int) Record {
	gone := r.keys[peer][i]
	r.keys[peer] = slices.Delete(r.keys[peer], i, i+1)
	if len(r.keys[peer]) == 0 {
		delete(r.keys, peer)
	}
	r.count--
	return Record{Key: keyPrefix + hex.EncodeToString(gone.ID), Delete: true}
}

// most is the peer with the most keys, of several the one with the oldest key.
func (r *Ring) most() (found pki.NodeID) {
	for peer, keys := range r.keys { // numbers are unique, so any order finds the same
		have := r.keys[found]
		if len(keys) > len(have) || len(keys) == len(have) && keys[0].number < have[0].number {
			found = peer
		}
	}
	return found
}

// longest is the peer that taught us nothing for the longest time.
func (r *Ring) longest() (found pki.NodeID) {
	first := true
	for peer, l := range r.peers {
		if first || l.number < r.peers[found].number {
			found, first = peer, false
		}
	}
	return found
}

func (r *Ring) next() uint64 {
	r.number++
	return r.number
}

func trusted(q pki.Quality) bool { return q >= pki.ClockNTP }

// seconds is what a record can hold of a date.
func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

func sorted[V any](m map[pki.NodeID]V) []pki.NodeID {
	out := make([]pki.NodeID, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.SortFunc(out, cmp.Compare[pki.NodeID])
	return out
}
