// Package ramftest loads the fixtures that Awala's JavaScript library made (see
// testbench/interop/generate.mjs) for the tests of the codecs.
package ramftest

import (
	"crypto/ecdh"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"packhorse/gateway/pki"
)

// Fixture is the content of testdata/js.json.
type Fixture struct {
	Certificates map[string][]byte     // root gateway recipient pda sender padded
	IDs          map[string]pki.NodeID // root gateway recipient sender
	Keys         map[string][]byte     // PKCS#8: recipient sender session
	SessionKeyID []byte
	Plaintext    []byte            // of Sealed and of all payloads
	Sealed       map[string]Sealed // by AES key size
	Parcel       []byte
	ParcelHashed map[string][]byte // by hash
	PaddedParcel []byte            // signed with the certificate padded
	Cargo, CCA   []byte
	Delivery     []byte // countersignature of Parcel by sender
	Collection   []byte // of Nonce
	Nonce        []byte
	PNRA         []byte
	ConnParams   []byte
}

// Sealed is a payload with the key id it announces.
type Sealed struct{ EnvelopedData, OriginatorKeyID []byte }

// Load reads the fixture.
func Load(t testing.TB) *Fixture {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	b, err := os.ReadFile(filepath.Join(filepath.Dir(file), "..", "testdata", "js.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f Fixture
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return &f
}

// Octets lists one encoding of each kind, as seeds for fuzzing.
func (f *Fixture) Octets() [][]byte {
	return [][]byte{f.Parcel[7:], f.CCA[7:], f.Sealed["128"].EnvelopedData, f.Certificates["pda"], f.Delivery, f.PNRA, f.ConnParams}
}

// Cert parses a certificate of the fixture.
func (f *Fixture) Cert(t testing.TB, name string) *pki.Certificate {
	t.Helper()
	c, err := pki.Parse(f.Certificates[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// RSA parses an identity key of the fixture.
func (f *Fixture) RSA(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	return f.key(t, name).(*rsa.PrivateKey)
}

// Session parses the session key of the fixture.
func (f *Fixture) Session(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	k, err := f.key(t, "session").(interface {
		ECDH() (*ecdh.PrivateKey, error)
	}).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (f *Fixture) key(t testing.TB, name string) any {
	t.Helper()
	k, err := x509.ParsePKCS8PrivateKey(f.Keys[name])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return k
}
