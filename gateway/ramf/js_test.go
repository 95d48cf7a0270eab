package ramf_test

import (
	"bytes"
	"crypto/rsa"
	"testing"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/ramf/ramftest"
)

func TestReadsJavaScript(t *testing.T) {
	f := ramftest.Load(t)
	messages := map[string][]byte{"parcel": f.Parcel, "cargo": f.Cargo, "SHA-384": f.ParcelHashed["SHA-384"], "SHA-512": f.ParcelHashed["SHA-512"]}
	for name, b := range messages {
		m := parse(t, b)
		if m.Recipient != f.IDs["recipient"] || m.InternetAddress != "valley.example.org" || m.TTL != ramf.MaxTTL || !m.Created.Equal(pkitest.Now) {
			t.Errorf("%s: got %+v", name, m)
		}
		if name != "cargo" {
			path, err := m.Check(certs{f.Cert(t, "root")}, pkitest.Now, pki.ClockGPS)
			if err != nil || len(path) != 4 || path[2].ID != f.IDs["gateway"] {
				t.Errorf("%s: path of %d, %v; want 4", name, len(path), err)
			}
		}
		if _, err := m.Check(certs{f.Cert(t, "recipient")}, pkitest.Now, pki.ClockGPS); err != nil {
			t.Errorf("%s: under the endpoint's own certificate: %v", name, err)
		}
		if !bytes.Equal(m.Payload, f.Sealed["128"].EnvelopedData) {
			t.Errorf("%s: payload differs", name)
		}
	}
	cca := parse(t, f.CCA)
	if _, err := cca.Check(certs{f.Cert(t, "gateway")}, pkitest.Now, pki.ClockGPS); refusal(err) != ramf.NotAuthorised {
		t.Errorf("CCA: %v, want not authorised", err)
	}
}

func TestReadsJavaScriptCertificates(t *testing.T) {
	f := ramftest.Load(t)
	for name, id := range f.IDs {
		c := f.Cert(t, name)
		if c.ID != id || c.X509.Subject.CommonName != string(id) || !bytes.Equal(c.Raw(), f.Certificates[name]) {
			t.Errorf("%s: id %s CN %s, want %s", name, c.ID, c.X509.Subject.CommonName, id)
		}
	}
	if err := f.Cert(t, "gateway").IssuedBy(f.Cert(t, "root")); err != nil {
		t.Error(err)
	}
	padded := f.Cert(t, "padded")
	if n := padded.RawSerial(); n[0] != 0 || n[1] >= 0x80 {
		t.Errorf("serial number %x is not padded", n)
	}
	if err := padded.IssuedBy(f.Cert(t, "gateway")); err != nil {
		t.Errorf("padded serial number: %v", err)
	}
	m := parse(t, f.PaddedParcel)
	if _, err := m.Check(certs{f.Cert(t, "gateway")}, pkitest.Now, pki.ClockGPS); refusal(err) != ramf.NotAuthorised || !m.Sender.Equal(padded) {
		t.Errorf("parcel signed with it: %v, want not authorised", err)
	}
}

func TestReadsJavaScriptSignatures(t *testing.T) {
	f := ramftest.Load(t)
	anchors := certs{f.Cert(t, "gateway")}
	for _, tt := range []struct {
		purpose           pki.Purpose
		signature, octets []byte
	}{{pki.ParcelDelivery, f.Delivery, f.Parcel}, {pki.ParcelCollection, f.Collection, f.Nonce}} {
		signer, err := cms.VerifyCountersignature(tt.purpose, tt.signature, tt.octets, anchors, pkitest.Now, pki.ClockGPS)
		if err != nil || signer.ID != f.IDs["sender"] {
			t.Errorf("purpose %d: %v", tt.purpose, err)
		}
	}
	e, err := ber.Parse(f.PNRA)
	if err != nil {
		t.Fatal(err)
	}
	r := e.Reader()
	expiry, data, sig := r.Take(ber.Context(0)), r.Take(ber.Context(1)), r.Take(ber.Context(2))
	key := f.RSA(t, "sender").Public().(*rsa.PublicKey)
	if err := pki.VerifyPSS(key, pki.RegistrationAuthorization.Plaintext(expiry.Content, data.Content), sig.Content); err != nil {
		t.Errorf("PNRA: %v", err)
	}
}
