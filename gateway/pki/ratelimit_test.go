package pki_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

func TestRateLimit(t *testing.T) {
	c := pkitest.NewChain(t)
	issue := func(r *pki.RateLimit) (*pki.Certificate, error) {
		return pki.Issue(pki.Template{Subject: pkitest.Key(t, "sender").Public(), Issuer: c.Endpoint, IssuerKey: pkitest.Key(t, "endpoint"),
			NotBefore: pkitest.Now, NotAfter: pkitest.Now.Add(time.Hour), RateLimit: r, Rand: rand.Reader})
	}
	for _, want := range []pki.RateLimit{{1, time.Second}, {500, 24 * time.Hour}, {1<<31 - 1, (1<<31 - 1) * time.Second}} {
		got, err := issue(&want)
		if err != nil || got.RateLimit == nil || *got.RateLimit != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
			continue
		}
		if _, err := pki.Path(got, certs{c.Endpoint, c.Gateway}, certs{c.Root}, pkitest.Now, pki.ClockGPS); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []pki.RateLimit{{0, time.Second}, {1, 0}, {-1, time.Second}, {1, time.Millisecond}, {1, 1500 * time.Millisecond}} {
		if _, err := issue(&bad); err == nil {
			t.Errorf("issued %+v", bad)
		}
	}
	if c.PDA.RateLimit != nil {
		t.Errorf("no limit was asked for, got %+v", c.PDA.RateLimit)
	}
}

// The octets of section 14, and everything else under that name is refused with its certificate.
func TestRateLimitOctets(t *testing.T) {
	root := pkitest.Issue(t, "root", nil, "", true, 2)
	for _, tt := range []struct {
		name, value, want string
	}{
		{"five in an hour", "3007020105" + "02020e10", ""},
		{"zero parcels", "3006020100" + "020101", "0 parcels"},
		{"no period", "3006020101" + "020100", "in 0s"},
		{"negative", "30060201ff" + "020101", "negative"},
		{"too large", "300a02050080000000" + "020101", "too large"},
		{"one number", "3003020101", "missing"},
		{"three numbers", "3009020101020101020101", "follow"},
		{"no sequence", "020101", "want a SEQUENCE"},
		{"empty", "", "nothing"},
	} {
		value, err := hex.DecodeString(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		x := &x509.Certificate{SerialNumber: big.NewInt(1), SignatureAlgorithm: x509.SHA256WithRSAPSS, NotBefore: pkitest.Now, NotAfter: pkitest.Now,
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 58708, 0, 0, 0}, Value: value}}}
		der, err := x509.CreateCertificate(rand.Reader, x, root.X509, pkitest.Key(t, "sender").Public(), pkitest.Key(t, "root"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := pki.Parse(der)
		switch {
		case tt.want == "" && (err != nil || *got.RateLimit != pki.RateLimit{Limit: 5, Period: time.Hour}):
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
