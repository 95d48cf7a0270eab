package endpoint

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"packhorse/gateway/pki"
	"packhorse/gateway/session"
)

func TestKeepSession(t *testing.T) {
	random := rand.NewChaCha8([32]byte{2})
	add := func(e *Endpoint, peer string) session.PrivateKey {
		k, err := session.NewKey(random)
		if err != nil {
			t.Fatal(err)
		}
		e.keepSession(k, pki.NodeID(peer))
		return k
	}
	var many Endpoint
	for i := range 2 * MaxSessions {
		add(&many, fmt.Sprint(i))
	}
	if got := len(many.Sessions); got != 2*MaxSessions {
		t.Errorf("%d keys of as many peers, want %d", got, 2*MaxSessions)
	}

	var fair Endpoint
	quiet := add(&fair, "quiet")
	add(&fair, "quiet")
	for range 2 * MaxSessions {
		add(&fair, "busy")
	}
	if _, err := fair.session(quiet.ID, "quiet"); err != nil {
		t.Error("the older of two keys of a quiet peer went before those of a busy one")
	}
	newest := add(&fair, "busy")
	if _, err := fair.session(newest.ID, "busy"); err != nil || len(fair.Sessions) != MaxSessions {
		t.Errorf("newest key: %v; %d keys, want %d", err, len(fair.Sessions), MaxSessions)
	}
}
