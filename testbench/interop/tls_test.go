package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"packhorse/gateway/pki/pkitest"
)

// authority is what stands for the Internet's certificate authorities.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// newAuthority makes the certificates that the doubles use, as files in a directory: ca.crt, and with their keys
// server, expired and foreign (of an authority that nobody knows) for this machine's names, and courier as the Android
// app makes one.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), pool: x509.NewCertPool()}
	a.cert, a.key = makeCA(t, a.dir, "ca")
	a.pool.AddCert(a.cert)
	now := time.Now()
	a.issue(t, "server", a.cert, a.key, now.Add(24*time.Hour))
	a.issue(t, "expired", a.cert, a.key, now.Add(-time.Minute))
	cert, key := makeCA(t, t.TempDir(), "other")
	a.issue(t, "foreign", cert, key, now.Add(24*time.Hour))
	a.selfIssue(t, "courier")
	return a
}

// env makes Node's clients trust the authority. They warn of a name that is an address, as the CogRPC client has it.
func (a *authority) env() []string {
	return []string{"NODE_EXTRA_CA_CERTS=" + filepath.Join(a.dir, "ca.crt"), "NODE_NO_WARNINGS=1"}
}

func makeCA(t *testing.T, dir, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, name+".crt"), "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// issue makes a server's certificate for every name of this machine that a test uses.
func (a *authority) issue(t *testing.T, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey, until time.Time) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost", "one.example.org", "two.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name, der, key)
}

func (a *authority) selfIssue(t *testing.T, name string) {
	t.Helper()
	key := pkitest.Key(t, "courier")
	template := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name, der, key)
}

func (a *authority) write(t *testing.T, name string, cert []byte, key any) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(a.dir, name+".crt"), "CERTIFICATE", cert)
	writePEM(t, filepath.Join(a.dir, name+".key"), "PRIVATE KEY", der)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
