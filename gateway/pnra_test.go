package gateway

import (
	"crypto/sha256"
	"errors"
	"testing"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/registration"
)

// An authorization to register serves once, also when the gateway starts again in between.
func TestPNRAServesOnce(t *testing.T) {
	b := newBench(t)
	a := b.site("ada")
	b.found(a, "ridge")
	key := pkitest.Key(t, "app alice")
	spki, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	request := func() []byte {
		pnra, err := a.core.PreRegister(b.now, sha256.Sum256(spki))
		if err != nil {
			t.Fatal(err)
		}
		pnrr, err := registration.NewRequest(pnra, key, seeded(1, "alice"))
		if err != nil {
			t.Fatal(err)
		}
		return pnrr
	}
	register := func(pnrr []byte) error {
		_, err := a.call(func(t Token) Event { return Register{t, pnrr} })
		return err
	}
	used, unused := request(), request()
	if err := register(used); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, pnrr []byte) {
		var e *registration.Error
		if err := register(pnrr); !errors.As(err, &e) || e.Reason != registration.Expired {
			t.Errorf("%s: %v, want expired", what, err)
		}
	}
	refused("used", used)
	a.boot()
	refused("used in an earlier life", used)
	refused("of an earlier life", unused)
}
