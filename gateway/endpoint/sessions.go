package endpoint

import (
	"bytes"
	"fmt"

	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

// MaxSessions is how many private session keys are kept. Beyond it the peer with the most keys
// loses its oldest one. Nobody loses the only key, so that someone who writes seldom can still be read;
// with more than MaxSessions peers that takes one key each.
const MaxSessions = 64

// keepSession stores a private key for the answer of peer.
func (e *Endpoint) keepSession(k session.PrivateKey, peer pki.NodeID) {
	e.addSession(StoredKey{PrivateKey: k, Peer: peer})
	for len(e.Sessions) > MaxSessions {
		i := e.oldestOfMost()
		if i < 0 {
			return
		}
		e.Sessions = append(e.Sessions[:i], e.Sessions[i+1:]...)
	}
}

// addSession puts a key last.
func (e *Endpoint) addSession(k StoredKey) {
	k.number = 1
	if n := len(e.Sessions); n > 0 {
		k.number = e.Sessions[n-1].number + 1
	}
	e.Sessions = append(e.Sessions, k)
}

// oldestOfMost finds the key to give up, -1 when every peer has one only. Unbound keys count as
// those of one peer.
func (e *Endpoint) oldestOfMost() int {
	count := map[pki.NodeID]int{}
	for _, k := range e.Sessions {
		count[k.Peer]++
	}
	best := -1
	for i, k := range e.Sessions { // the first of several equal peers, which is the oldest key
		if n := count[k.Peer]; n > 1 && (best < 0 || n > count[e.Sessions[best].Peer]) {
			best = i
		}
	}
	return best
}

// session finds the private key with this id for a message of peer.
func (e *Endpoint) session(id []byte, peer pki.NodeID) (session.PrivateKey, error) {
	for _, k := range e.Sessions {
		if bytes.Equal(k.ID, id) && (k.Peer == "" || k.Peer == peer) {
			return k.PrivateKey, nil
		}
	}
	return session.PrivateKey{}, fmt.Errorf("endpoint: the parcel is sealed to session key %x, which is not (or no longer) kept for %s; ask the sender to send it again after hearing from us", id, peer)
}
