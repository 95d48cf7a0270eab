package cms_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf/ramftest"
)

// loose re-encodes a SignedData as the JVM library frames it: indefinite lengths everywhere but
// in certificates and signed attributes, the content in pieces.
func loose(t testing.TB, der []byte) []byte {
	t.Helper()
	e, err := ber.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	return indefinite(e, 1)
}

func indefinite(e ber.Element, depth int) []byte {
	if !e.Constructed {
		if e.Tag != ber.OctetString {
			return e.Raw
		}
		half := len(e.Content) / 2
		pieces := ber.Pieces{{0x24, 0x80}, ber.Bytes(4, e.Content[:half]).Join(), ber.Bytes(4, e.Content[half:]).Join(), {0, 0}}
		return pieces.Join()
	}
	if first, ok := e.Reader().Next(); depth == 5 && ok && first.Tag == ber.Sequence {
		return e.Raw // a certificate
	}
	out := []byte{e.Raw[0], 0x80}
	for r := e.Reader(); !r.Empty(); {
		c, _ := r.Next()
		if depth == 5 && e.Tag == ber.Sequence {
			out = append(out, c.Raw...) // below SignerInfo
		} else {
			out = append(out, indefinite(c, depth+1)...)
		}
	}
	return append(out, 0, 0)
}

func attached(t testing.TB, content []byte) []byte {
	t.Helper()
	c := pkitest.NewChain(t)
	p, err := cms.Sign(content, c.PDA, []*pki.Certificate{c.Endpoint}, pkitest.Key(t, "sender"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p.Join()
}

func TestSignedData(t *testing.T) {
	content := []byte("what was signed")
	der := attached(t, content)
	for name, b := range map[string][]byte{"DER": der, "BER": loose(t, der)} {
		s, err := cms.ParseSignedData(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Verify(nil); err != nil || !bytes.Equal(s.Content, content) || len(s.Others) != 1 {
			t.Errorf("%s: %v, content %q, %d others", name, err, s.Content, len(s.Others))
		}
		if s.Verify(content) == nil {
			t.Errorf("%s: content given twice", name)
		}
		for n := range b {
			if _, err := cms.ParseSignedData(b[:n]); err == nil {
				t.Fatalf("%s: accepted %d of %d octets", name, n, len(b))
			}
		}
	}
}

// Every octet counts: no single change may leave a message that verifies as something else.
func TestSignedDataTampering(t *testing.T) {
	content := []byte("what was signed")
	b := attached(t, content)
	for i := range b {
		s, err := cms.ParseSignedData(pkitest.Corrupt(b, i))
		if err == nil && s.Verify(nil) == nil && !bytes.Equal(s.Content, content) {
			t.Errorf("changed octet %d, content is %q", i, s.Content)
		}
	}
}

// build writes a SignedData around variations of its parts.
type build struct {
	algorithm []byte // of the signature
	digestAlg []byte
	attrs     [][]byte
	infos     int
	certs     [][]byte
	sign      func(key *rsa.PrivateKey, input []byte) []byte
}

func seq(parts ...[]byte) []byte            { return ber.Encode(0x30, ber.Pieces(parts)).Join() }
func tlv(id byte, content ...[]byte) []byte { return ber.Encode(id, ber.Pieces(content)).Join() }

var (
	oidData   = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"))
	oidType   = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"))
	oidDigest = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"))
	oidTime   = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"))
	oidRSA    = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))
	oidPSS    = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"))
	oidMGF1   = tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"))
	sha256Alg = seq(tlv(6, []byte("\x60\x86\x48\x01\x65\x03\x04\x02\x01")), []byte{5, 0})
	sha1Alg   = seq(tlv(6, []byte("\x2b\x0e\x03\x02\x1a")), []byte{5, 0})
)

func pss(hash, mask []byte, salt byte) []byte {
	return seq(oidPSS, seq(tlv(0xa0, hash), tlv(0xa1, seq(oidMGF1, mask)), tlv(0xa2, []byte{2, 1, salt})))
}

func signPSS(key *rsa.PrivateKey, input []byte) []byte {
	d := sha256.Sum256(input)
	sig, _ := rsa.SignPSS(rand.Reader, key, crypto.SHA256, d[:], &rsa.PSSOptions{SaltLength: 32})
	return sig
}

func newBuild(t testing.TB) *build {
	digest := sha256.Sum256([]byte("content"))
	return &build{
		algorithm: pss(sha256Alg, sha256Alg, 32), digestAlg: sha256Alg, infos: 1, sign: signPSS,
		attrs: [][]byte{seq(oidType, tlv(0x31, oidData)), seq(oidDigest, tlv(0x31, tlv(4, digest[:])))},
		certs: [][]byte{pkitest.Issue(t, "root", nil, "", true, 2).Raw()},
	}
}

func (b *build) encode(t testing.TB) []byte {
	key := pkitest.Key(t, "root")
	cert, err := pki.Parse(b.certs[len(b.certs)-1])
	if err != nil {
		t.Fatal(err)
	}
	info := seq([]byte{2, 1, 1}, seq(cert.X509.RawIssuer, tlv(2, cert.RawSerial())), b.digestAlg, tlv(0xa0, b.attrs...),
		b.algorithm, tlv(4, b.sign(key, tlv(0x31, b.attrs...))))
	return seq(tlv(6, []byte("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")), tlv(0xa0, seq([]byte{2, 1, 1}, tlv(0x31, b.digestAlg),
		seq(oidData, tlv(0xa0, tlv(4, []byte("content")))), tlv(0xa0, b.certs...), tlv(0x31, bytes.Repeat(info, b.infos)))))
}

func TestSignedDataProfile(t *testing.T) {
	chain := pkitest.NewChain(t)
	for _, tt := range []struct {
		name, want string // empty: verifies
		change     func(*build)
	}{
		{"as written", "", func(*build) {}},
		{"signing time too", "", func(b *build) { b.attrs = append(b.attrs, seq(oidTime, tlv(0x31, tlv(0x17, []byte("260504120000Z"))))) }},
		{"signer's certificate last", "", func(b *build) { b.certs = [][]byte{chain.PDA.Raw(), chain.Gateway.Raw(), b.certs[0]} }},
		{"unreadable certificate attached", "", func(b *build) { b.certs = [][]byte{seq(), b.certs[0]} }},
		{"PKCS#1 v1.5", "not RSASSA-PSS", func(b *build) {
			b.algorithm = seq(oidRSA, []byte{5, 0})
			b.sign = func(key *rsa.PrivateKey, input []byte) []byte {
				d := sha256.Sum256(input)
				sig, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA256, d[:])
				return sig
			}
		}},
		{"SHA-1 digest", "is not SHA-256", func(b *build) { b.digestAlg = sha1Alg }},
		{"SHA-1 mask", "is not SHA-256", func(b *build) { b.algorithm = pss(sha256Alg, sha1Alg, 32) }},
		{"SHA-1 signature", "is not SHA-256", func(b *build) { b.algorithm = pss(sha1Alg, sha1Alg, 20) }},
		{"no PSS parameters", "with parameters", func(b *build) { b.algorithm = seq(oidPSS) }},
		{"SHA-1 by default", "want [0]", func(b *build) { b.algorithm = seq(oidPSS, seq(tlv(0xa2, []byte{2, 1, 32}))) }},
		{"short salt", "does not match", func(b *build) { b.algorithm = pss(sha256Alg, sha256Alg, 20) }},
		{"two signers", "exactly one", func(b *build) { b.infos = 2 }},
		{"no signer", "exactly one", func(b *build) { b.infos = 0 }},
		{"no digest attribute", "messageDigest", func(b *build) { b.attrs = b.attrs[:1] }},
		{"no type attribute", "contentType", func(b *build) { b.attrs = b.attrs[1:] }},
		{"digest twice", "twice", func(b *build) { b.attrs = append(b.attrs, b.attrs[1]) }},
		{"digest of something else", "signature is wrong", func(b *build) { b.attrs[1] = seq(oidDigest, tlv(0x31, tlv(4, make([]byte, 32)))) }},
		{"signature over [0]", "signature is wrong", func(b *build) {
			b.sign = func(key *rsa.PrivateKey, input []byte) []byte {
				return signPSS(key, append([]byte{0xa0}, input[1:]...))
			}
		}},
		{"too many certificates", "more than 17", func(b *build) {
			for range cms.MaxCertificates {
				b.certs = append([][]byte{seq()}, b.certs...)
			}
		}},
	} {
		b := newBuild(t)
		tt.change(b)
		s, err := cms.ParseSignedData(b.encode(t))
		if err == nil {
			err = s.Verify(nil)
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestCountersignature(t *testing.T) {
	c := pkitest.NewChain(t)
	octets := []byte("a parcel")
	sig, err := cms.Countersign(pki.ParcelDelivery, octets, c.Endpoint, pkitest.Key(t, "endpoint"), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := pkitest.Issue(t, "stranger", nil, "", true, 2)
	for _, tt := range []struct {
		name    string
		ok      bool
		purpose pki.Purpose
		octets  string
		anchor  *pki.Certificate
		now     time.Time
	}{
		{"good", true, pki.ParcelDelivery, "a parcel", c.Gateway, pkitest.Now},
		{"other purpose", false, pki.ParcelCollection, "a parcel", c.Gateway, pkitest.Now},
		{"other parcel", false, pki.ParcelDelivery, "b parcel", c.Gateway, pkitest.Now},
		{"issuer's issuer", false, pki.ParcelDelivery, "a parcel", c.Root, pkitest.Now},
		{"stranger", false, pki.ParcelDelivery, "a parcel", stranger, pkitest.Now},
		{"anchor itself", false, pki.ParcelDelivery, "a parcel", c.Endpoint, pkitest.Now},
		{"out of date", false, pki.ParcelDelivery, "a parcel", c.Gateway, pkitest.Now.AddDate(0, 1, 0)},
	} {
		signer, err := cms.VerifyCountersignature(tt.purpose, sig, []byte(tt.octets), []*pki.Certificate{tt.anchor}, tt.now, pki.ClockNTP)
		if (err == nil) != tt.ok || tt.ok && signer.ID != c.Endpoint.ID {
			t.Errorf("%s: %v, want ok %v", tt.name, err, tt.ok)
		}
	}
	if _, err := cms.VerifyCountersignature(pki.ParcelDelivery, attached(t, octets), octets, []*pki.Certificate{c.Endpoint}, pkitest.Now, pki.ClockNTP); err == nil || errors.Is(err, cms.ErrSignature) {
		t.Errorf("attached content: %v", err)
	}
}

func FuzzParseSignedData(f *testing.F) {
	der := attached(f, []byte("what was signed"))
	f.Add(der)
	f.Add(loose(f, der))
	js := ramftest.Load(f)
	f.Add(js.Delivery)
	for _, message := range [][]byte{js.Parcel, js.CCA, js.ParcelHashed["SHA-512"], js.PaddedParcel} {
		f.Add(message[7:])
		f.Add(loose(f, message[7:]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := cms.ParseSignedData(b); err == nil {
			s.Verify(nil)
			if s.Signer == nil {
				t.Fatal("no signer and no error")
			}
		}
	})
}
