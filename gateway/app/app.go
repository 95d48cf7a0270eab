package app

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/gateway/pki"
	"packhorse/store"
)

// DefaultGateway is where private gateways listen for apps (RS-016).
const DefaultGateway = "http://127.0.0.1:13276"

// Options tune an endpoint. The zero value is usable.
type Options struct {
	// Report is told what went wrong and ended nothing: a gateway that was lost, a parcel that was dropped. It must
	// not call back into the endpoint. nil: nobody.
	Report func(error)
	// MaxBytes bounds what the directory holds in octets; 0 means 256 MiB.
	MaxBytes int64
	// Dial makes connections to the gateway; nil: that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const usualBytes = 256 << 20

// Endpoint is an Awala endpoint of this program: its keys, those that it writes to, and what waits to leave, all in
// one directory. Its methods are safe for concurrent use.
type Endpoint struct {
	o     Options
	store *store.Store

	posting   chan struct{} // holds a token while letters go out
	receiving chan struct{} // while letters come in
	wake      chan struct{} // something may go out

	mu      sync.Mutex // guards what follows
	ep      *endpoint.Endpoint
	saved   map[string]digest // records of ep on disk
	reg     registrationRecord
	out     []*outgoing // oldest first
	number  uint64      // of the latest one
	seen    map[string]*seenRecord
	permits map[string]*permitRecord // by serial number
	tidied  time.Time

	committed func() // tests copy the directory here
}

const (
	secretKey = "identity.key" // PKCS#8, mode 0600
	storeDir  = "store"
)

// Open opens the endpoint in a directory, or makes one there with a fresh key. One process can have it open. Close it
// when done. Nothing is sent.
func Open(dir string, o Options) (*Endpoint, error) {
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = usualBytes
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &Error{Reason: Usage, Message: err.Error(), Fix: "choose a directory that this user may write to", Err: err}
	}
	s, err := store.Open(filepath.Join(dir, storeDir), store.Options{MaxBytes: o.MaxBytes})
	if errors.Is(err, store.ErrLocked) {
		return nil, &Error{Reason: Busy, Message: dir + " is in use by another program", Fix: "end that program, or give each its own directory", Err: err}
	}
	if err != nil {
		return nil, storeError(err)
	}
	e := &Endpoint{o: o, store: s, posting: make(chan struct{}, 1), receiving: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		saved: map[string]digest{}, seen: map[string]*seenRecord{}, permits: map[string]*permitRecord{}}
	if err := e.load(store.Secrets{Dir: dir}); err != nil {
		s.Close()
		return nil, err
	}
	return e, nil
}

// Close lets go of the directory. End what uses the endpoint first.
func (e *Endpoint) Close() error { return e.store.Close() }

// load reads the identity key, made under the lock of the store when there is none, and the records.
func (e *Endpoint) load(secrets store.Secrets) error {
	key, err := loadKey(secrets)
	if err != nil {
		return err
	}
	return e.restore(key, time.Now())
}

func loadKey(secrets store.Secrets) (*rsa.PrivateKey, error) {
	b, err := secrets.Read(secretKey)
	if errors.Is(err, store.ErrNotFound) {
		return makeKey(secrets)
	}
	if err != nil {
		return nil, storeError(err)
	}
	return decodeKey(b)
}

// ID is the endpoint's address: what its correspondents know it by. It never changes.
func (e *Endpoint) ID() pki.NodeID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ep.ID()
}

// Card is what somebody needs to let this endpoint write to them.
func (e *Endpoint) Card() Card {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Card(e.ep.PublicCard().SPKI)
}

// report tells of what ended nothing.
func (e *Endpoint) report(format string, v ...any) { e.o.Report(fmt.Errorf("app: "+format, v...)) }
