package pki_test

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf/ramftest"
)

func TestIssueFollowsProfile(t *testing.T) {
	c := pkitest.NewChain(t)
	for _, tt := range []struct {
		name        string
		cert        *pki.Certificate
		issuer      *pki.Certificate
		constraints string
	}{
		{"self-issued", c.Root, c.Root, "30060101ff020102"},
		{"gateway", c.Gateway, c.Root, "30060101ff020101"},
		{"endpoint", c.Endpoint, c.Gateway, "30060101ff020100"},
		{"PDA", c.PDA, c.Endpoint, "3003020100"},
	} {
		x := tt.cert.X509
		if got := hex.EncodeToString(x.Extensions[0].Value); got != tt.constraints || !x.Extensions[0].Critical {
			t.Errorf("%s: constraints %s critical %v, want %s critical", tt.name, got, x.Extensions[0].Critical, tt.constraints)
		}
		if len(x.Extensions) != 3 {
			t.Errorf("%s: %d extensions, want 3", tt.name, len(x.Extensions))
		}
		if tt.cert.Issuer != tt.issuer.ID {
			t.Errorf("%s: issuer %s, want %s", tt.name, tt.cert.Issuer, tt.issuer.ID)
		}
		if want := "0" + hex.EncodeToString(x.SubjectKeyId); string(tt.cert.ID) != want {
			t.Errorf("%s: id %s, subject key id says %s", tt.name, tt.cert.ID, want)
		}
		if !bytes.Equal(x.RawIssuer, tt.issuer.X509.RawSubject) {
			t.Errorf("%s: issuer name differs from the issuer's", tt.name)
		}
		if x.Subject.CommonName != string(tt.cert.ID) {
			t.Errorf("%s: CN %q, want the id", tt.name, x.Subject.CommonName)
		}
		if n := len(x.SerialNumber.Bytes()); n != 8 || x.SerialNumber.Sign() != 1 {
			t.Errorf("%s: serial of %d octets, sign %d; want 8, 1", tt.name, n, x.SerialNumber.Sign())
		}
		if x.SignatureAlgorithm != x509.SHA256WithRSAPSS {
			t.Errorf("%s: signed with %v", tt.name, x.SignatureAlgorithm)
		}
	}
}

func TestIssueClipsValidity(t *testing.T) {
	root := pkitest.Issue(t, "root", nil, "", true, 2)
	c, err := pki.Issue(pki.Template{
		Subject: pkitest.Key(t, "gateway").Public(), Issuer: root, IssuerKey: pkitest.Key(t, "root"),
		NotBefore: pkitest.Now.Add(999 * time.Millisecond), NotAfter: pkitest.Now.AddDate(1, 0, 0), CA: true, PathLen: 1, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !c.X509.NotBefore.Equal(pkitest.Now) || !c.X509.NotAfter.Equal(root.X509.NotAfter) {
		t.Errorf("valid %v to %v, want %v to %v", c.X509.NotBefore, c.X509.NotAfter, pkitest.Now, root.X509.NotAfter)
	}
	for _, tt := range []struct {
		now  time.Time
		q    pki.Quality
		want bool
	}{
		{c.X509.NotBefore, pki.ClockGPS, true},
		{c.X509.NotAfter, pki.ClockGPS, true},
		{c.X509.NotBefore.Add(-1), pki.ClockGPS, false},
		{c.X509.NotAfter.Add(1), pki.ClockNeighbour, false},
		{time.Unix(0, 0), pki.ClockNone, true},
	} {
		if got := c.Valid(tt.now, tt.q); got != tt.want {
			t.Errorf("valid at %v with clock %d: %v, want %v", tt.now, tt.q, got, tt.want)
		}
	}
}

func TestIssueRefuses(t *testing.T) {
	c := pkitest.NewChain(t)
	good := func() pki.Template {
		return pki.Template{Subject: pkitest.Key(t, "gateway").Public(), Issuer: c.Root, IssuerKey: pkitest.Key(t, "root"),
			NotBefore: pkitest.Now, NotAfter: pkitest.Now.Add(time.Hour), CA: true, PathLen: 1, Rand: rand.Reader}
	}
	for _, tt := range []struct {
		name   string
		change func(*pki.Template)
	}{
		{"issuer without cA", func(t *pki.Template) { t.Issuer = c.PDA }},
		{"key of someone else", func(x *pki.Template) { x.IssuerKey = pkitest.Key(t, "sender") }},
		{"ends before it starts", func(t *pki.Template) { t.NotAfter = t.NotBefore.Add(-time.Second) }},
		{"path length 3", func(t *pki.Template) { t.PathLen = 3 }},
		{"negative path length", func(t *pki.Template) { t.PathLen = -1 }},
		{"short key", func(t *pki.Template) { t.Subject = pkitest.Small() }},
		{"no randomness", func(t *pki.Template) { t.Rand = nil }},
	} {
		x := good()
		tt.change(&x)
		if _, err := pki.Issue(x); err == nil {
			t.Errorf("%s: issued", tt.name)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	root := pkitest.Issue(t, "root", nil, "", true, 2)
	sign := func(change func(*x509.Certificate)) []byte {
		x := &x509.Certificate{SerialNumber: big.NewInt(1), SignatureAlgorithm: x509.SHA256WithRSAPSS,
			NotBefore: pkitest.Now, NotAfter: pkitest.Now, BasicConstraintsValid: true}
		change(x)
		der, err := x509.CreateCertificate(rand.Reader, x, root.X509, pkitest.Key(t, "gateway").Public(), pkitest.Key(t, "root"))
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for _, tt := range []struct {
		name, want string
		der        []byte
	}{
		{"PKCS#1 v1.5", "want RSASSA-PSS", sign(func(x *x509.Certificate) { x.SignatureAlgorithm = x509.SHA256WithRSA })},
		{"critical extension", "unknown critical", sign(func(x *x509.Certificate) {
			x.PermittedDNSDomainsCritical, x.PermittedDNSDomains = true, []string{"example.com"}
		})},
		{"trailing data", "malformed", append(root.Raw()[:len(root.Raw()):len(root.Raw())], 0)},
		{"empty", "malformed", nil},
		{"too large", "larger", make([]byte, pki.MaxCertificateSize+1)},
	} {
		_, err := pki.Parse(tt.der)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := pki.Parse(sign(func(x *x509.Certificate) { x.SignatureAlgorithm = x509.SHA512WithRSAPSS })); err != nil {
		t.Errorf("SHA-512: %v", err)
	}
}

func TestSPKI(t *testing.T) {
	key := pkitest.Key(t, "root")
	spki, err := pki.EncodeSPKI(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	got, err := pki.ParseSPKI(spki)
	if err != nil || !got.Equal(key.Public()) {
		t.Errorf("round trip: %v", err)
	}
	root := pkitest.Issue(t, "root", nil, "", true, 2)
	if id := pki.IDOf(spki); id != root.ID || !id.Valid() {
		t.Errorf("id %s valid %v, certificate says %s", id, id.Valid(), root.ID)
	}
	for n := range spki {
		if _, err := pki.ParseSPKI(spki[:n]); err == nil {
			t.Fatalf("accepted %d of %d octets", n, len(spki))
		}
	}
	if _, err := pki.EncodeSPKI(pkitest.Small()); err == nil {
		t.Error("accepted a key of 1024 bits")
	}
	for _, id := range []pki.NodeID{"", "0", root.ID[1:], "1" + root.ID[1:], root.ID + "0", "0" + pki.NodeID(strings.ToUpper(string(root.ID[1:])))} {
		if _, ok := id.Digest(); ok || id.Valid() {
			t.Errorf("%q is a node id", id)
		}
	}
}

func TestBareSignature(t *testing.T) {
	key := pkitest.Key(t, "root")
	plain := pki.RegistrationAuthorization.Plaintext([]byte("20260504120000"), make([]byte, 32))
	const want = "303f" + "800b2b0601040183ca54000200" + "810e3230323630353034313230303030" + "8220"
	if got := hex.EncodeToString(plain); !strings.HasPrefix(got, want) {
		t.Errorf("plaintext %s, want prefix %s", got, want)
	}
	sig, err := pki.SignPSS(key, plain, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.VerifyPSS(&key.PublicKey, plain, sig); err != nil {
		t.Error(err)
	}
	other := pki.RegistrationCountersignature.Plaintext([]byte("20260504120000"), make([]byte, 32))
	if pki.VerifyPSS(&key.PublicKey, other, sig) == nil {
		t.Error("signature for one purpose passed for another")
	}
}

func FuzzParse(f *testing.F) {
	c := pkitest.NewChain(f)
	f.Add(c.Root.Raw())
	f.Add(c.PDA.Raw())
	js := ramftest.Load(f)
	for _, name := range []string{"root", "recipient", "pda", "padded"} {
		f.Add(js.Certificates[name])
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := pki.Parse(der)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Raw(), der) || !c.ID.Valid() {
			t.Errorf("raw or id of an accepted certificate is wrong: %s", c.ID)
		}
		c.IssuedBy(c)
	})
}
