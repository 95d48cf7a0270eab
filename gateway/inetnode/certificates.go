package inetnode

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificates is what TLS is served with, from two files that others renew.
type certificates struct {
	cert, key string
	log       *slog.Logger
	mu        sync.Mutex
	looked    time.Time
	state     [2]fileState
	now       *tls.Certificate
}

type fileState struct {
	changed time.Time
	size    int64
}

// lookAgain is how often the files are looked at.
const lookAgain = 10 * time.Second

func loadCertificates(cert, key string, log *slog.Logger) (*certificates, error) {
	c := &certificates{cert: cert, key: key, log: log}
	if cert == "" || key == "" {
		return nil, fmt.Errorf("inetnode: no certificate for TLS: set tls_cert and tls_key in [internet_gateway]")
	}
	c.state = c.stat()
	return c, c.load()
}

// config is the server's side of TLS.
func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(time.Now()), nil }}
}

// get is the certificate of now. A pair of files that cannot be used leaves the one before in use.
func (c *certificates) get(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) < lookAgain {
		return c.now
	}
	c.looked = now
	if s := c.stat(); s != c.state {
		c.state = s
		if err := c.load(); err != nil {
			c.log.Error("the new certificate of the Internet gateway cannot be used, the one before stays", "error", err)
		}
	}
	return c.now
}

// end is when the certificate in use ends.
func (c *certificates) end(now time.Time) time.Time { return c.get(now).Leaf.NotAfter }

func (c *certificates) stat() (s [2]fileState) {
	for i, path := range []string{c.cert, c.key} {
		if f, err := os.Stat(path); err == nil {
			s[i] = fileState{f.ModTime(), f.Size()}
		}
	}
	return s
}

// ErrCertificate is a certificate for TLS that cannot be read, or does not belong to its key.
var ErrCertificate = errors.New("certificate for TLS")

func (c *certificates) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("inetnode: %w: %w", ErrCertificate, err)
	}
	c.now = &pair
	return nil
}
