package registration

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"packhorse/gateway/session"
)

// What an Internet gateway of Awala's JavaScript library says of itself and to a private gateway, see
// testbench/interop/cargo.mjs: read, and written octet by octet the same.
func TestInternetGatewayAsJavaScript(t *testing.T) {
	var f struct{ Root, Gateway, Registration, Params, SessionKeyID, SessionKey []byte }
	b, err := os.ReadFile("../cargo/testdata/js.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	r, err := ParseResult(f.Registration)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Node.Raw(), f.Gateway) || !bytes.Equal(r.Gateway.Raw(), f.Root) || r.Address != "gateway.example.org" {
		t.Errorf("got %+v", r)
	}
	if r.Session == nil || !bytes.Equal(r.Session.ID, f.SessionKeyID) || !bytes.Equal(session.EncodePublicKey(r.Session.Key), f.SessionKey) {
		t.Fatalf("got session key %+v", r.Session)
	}
	if !bytes.Equal(r.Marshal(), f.Registration) {
		t.Error("the registration is written otherwise")
	}
	if !bytes.Equal(EncodeConnectionParams(r.Address, r.Gateway.SPKI(), *r.Session), f.Params) {
		t.Error("the connection parameters are written otherwise")
	}
	p, err := ParseConnectionParams(f.Params)
	if err != nil || p.Address != r.Address || !bytes.Equal(p.SPKI, r.Gateway.SPKI()) || !bytes.Equal(p.Session.ID, f.SessionKeyID) {
		t.Errorf("the connection parameters are read as %+v, %v", p, err)
	}
}
