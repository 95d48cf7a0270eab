package cargo_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
)

// fixture is what testbench/interop/cargo.mjs writes.
type fixture struct {
	Root, Gateway, CDA, Set, Request []byte
	Sender, Recipient                pki.NodeID
}

func load(t testing.TB) (f fixture) {
	t.Helper()
	b, err := os.ReadFile("testdata/js.json")
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadsJavaScript(t *testing.T) {
	f := load(t)
	items := parse(t, f.Set)
	if len(items) != 5 || *items[0].PCA != (cargo.PCA{Sender: f.Sender, Recipient: f.Recipient, ID: "parcel-1"}) ||
		string(items[1].Parcel) != "Awala\x50\x00 and what follows" || string(items[2].Parcel) != "?" {
		t.Fatalf("got %+v", items)
	}
	bare, rotation := items[3].Rotation, items[4].Rotation
	if !bytes.Equal(bare.Leaf.Raw(), f.Gateway) || len(bare.Authorities) != 0 {
		t.Errorf("got %+v without authorities", bare)
	}
	if !bytes.Equal(rotation.Leaf.Raw(), f.Gateway) || len(rotation.Authorities) != 1 || !bytes.Equal(rotation.Authorities[0].Raw(), f.Root) {
		t.Errorf("got rotation %+v", rotation)
	}
	cda, err := cargo.ParseRequest(f.Request)
	if err != nil || !bytes.Equal(cda.Raw(), f.CDA) {
		t.Errorf("collection request: %v", err)
	}
}

// Octet by octet what the library writes.
func TestWritesAsJavaScript(t *testing.T) {
	f := load(t)
	if !bytes.Equal(set(t, encode(parse(t, f.Set))...), f.Set) {
		t.Error("the set differs")
	}
	cda, err := pki.Parse(f.CDA)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(cargo.EncodeRequest(cda), f.Request) {
		t.Error("the collection request differs")
	}
}
