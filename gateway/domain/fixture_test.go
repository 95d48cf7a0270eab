package domain

import (
	"sync"
	"testing"
	"time"

	"packhorse/gateway/pki"
)

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fixture is made once: RSA keys are slow. Tests copy what they change.
type fixture struct {
	owner        *Owner
	alice, bob   *Identity
	aliceM, bobM *Membership
}

var fixtureOf = sync.OnceValues(func() (*fixture, error) {
	f, rand := &fixture{}, seeded(7)
	var err error
	if f.owner, err = NewOwner("ridge", testNow, rand); err != nil {
		return nil, err
	}
	if f.alice, err = NewIdentity("alice", rand); err != nil {
		return nil, err
	}
	if f.bob, err = NewIdentity("bob", rand); err != nil {
		return nil, err
	}
	if f.aliceM, err = admit(f.owner, f.alice, testNow); err != nil {
		return nil, err
	}
	f.bobM, err = admit(f.owner, f.bob, testNow)
	return f, err
})

func setup(t testing.TB) fixture {
	t.Helper()
	f, err := fixtureOf()
	if err != nil {
		t.Fatal(err)
	}
	c := *f
	owner := *f.owner
	c.owner = &owner
	return c
}

func admit(o *Owner, i *Identity, now time.Time) (*Membership, error) {
	raw, err := NewJoinRequest(i, nil, seeded(8))
	if err != nil {
		return nil, err
	}
	r, err := ParseJoinRequest(raw)
	if err != nil {
		return nil, err
	}
	return o.Admit(r, now, seeded(9))
}

// refusesEveryCut feeds all proper prefixes of b, b with an octet more, and b with each octet changed.
func refusesEveryCut(t *testing.T, b []byte, parse func([]byte) error) {
	t.Helper()
	if err := parse(b); err != nil {
		t.Fatalf("whole: %v", err)
	}
	for n := range b {
		if parse(b[:n]) == nil {
			t.Errorf("cut at %d of %d: got no error", n, len(b))
		}
	}
	if parse(append(b[:len(b):len(b)], 0)) == nil {
		t.Error("an octet too many: got no error")
	}
}

func refusesEveryChange(t *testing.T, b []byte, step int, parse func([]byte) error) {
	t.Helper()
	for n := 0; n < len(b); n += step {
		c := append([]byte(nil), b...)
		c[n] ^= 0x10
		if parse(c) == nil {
			t.Errorf("octet %d of %d changed: got no error", n, len(b))
		}
	}
}

const trusted = pki.ClockGPS
