package gateway

import (
	"regexp"
	"testing"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/gateway/ramf/ramftest"
)

// A key of the store never holds what a stranger chose. Counters have names of ours.
var plainKey = regexp.MustCompile(`^[a-z0-9/-]*$`)

func TestHostileIDsReachNoKey(t *testing.T) {
	b := newBench(t)
	a := b.site("ada")
	b.found(a, "ridge")
	alice, bob := a.app("alice"), a.app("bob")
	pda, chain := bob.authorise(alice), []*pki.Certificate{bob.cert, bob.gw}
	allowed := 0
	for _, h := range ramftest.HostileIDs() {
		id := h.ID
		raw := ramftest.Parcel(t, id, bob.id, b.now, pda, chain, "app alice")
		_, err := alice.deliver(raw)
		if (err == nil) != h.Allowed || err != nil && reasonOf(err) != reasonOfRefusal(ramf.Malformed) {
			t.Errorf("%q: %v, want accepted %v", id, err, h.Allowed)
		}
		if h.Allowed {
			allowed++
		}
		for kind, records := range a.disk {
			for key := range records {
				if kind != KindCounter && !plainKey.MatchString(key) || len(key) > 128 {
					t.Fatalf("after %q kind %d has the key %q", id, kind, key)
				}
			}
		}
	}
	a.boot()
	if got := bob.collect(); len(got) != allowed {
		t.Errorf("%d parcels come to their endpoint after a restart, want %d", len(got), allowed)
	}
}
