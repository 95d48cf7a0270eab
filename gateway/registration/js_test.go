package registration

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"testing"

	"packhorse/gateway/pki/pkitest"
)

// testdata/js-pnrr.b64 is what Awala's JavaScript library (@relaycorp/relaynet-core 1.88.2) answers to our
// authorization: new PrivateNodeRegistrationRequest(publicKey, pnra).serialize(privateKey) with a fresh key.
func TestReadsJavaScript(t *testing.T) {
	text, err := os.ReadFile("testdata/js-pnrr.b64")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(text, []byte("\n"), nil)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseRequest(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := Claim{Digest: sha256.Sum256(r.SPKI), Sequence: 77}
	copy(want.Gateway[:], gatewayKey(1)[32:])
	if got := r.Authorization.Raw; !bytes.Equal(got, Authorize(want, pkitest.Now, gatewayKey(1)).Raw) {
		t.Errorf("the library changed the authorization: %x", got)
	}
	if r.Endpoint != "05eb8e35343edee84f83aefb2b93213747f5a030f32701b0fae6e0c67c329f592" {
		t.Errorf("got endpoint %s", r.Endpoint)
	}
}
