package app

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"packhorse/gateway/endpoint"
	"packhorse/store"
)

// Kinds of records in the endpoint's store. All but endpoint state and bodies are JSON with a version in "v".
const (
	kindRegistration store.Kind = iota + 1 // one, under the key "gateway"
	kindState                              // of package endpoint, under its keys
	kindOut                                // what was sent, under its number
	kindBody                               // its octets, under the same key, until the gateway has them
	kindSeen                               // what came, under the digest of who sent it and its id
	kindPermit                             // who may write to us, under the serial number of the PDA
)

const recordVersion = 1

// registrationRecord is with whom we are registered.
type registrationRecord struct {
	V       int    `json:"v"`
	URL     string `json:"url"`
	Address string `json:"address"` // on the Internet, of the gateway's Internet gateway or of its domain
	Gateway string `json:"gateway"` // id
}

const registrationKey = "gateway"

// digest tells one value of a record from another.
type digest [sha256.Size]byte

// put is a record in JSON.
func put(k store.Kind, key string, v any) store.Op {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // structs of strings, numbers and dates of this package always have a form
	}
	return store.Op{Kind: k, Key: key, Value: b}
}

// commit makes a batch durable, with what has changed of the endpoint's keys and contacts. e.mu is held.
func (e *Endpoint) commit(ops ...store.Op) error {
	changed, after := e.changes()
	if err := e.store.Apply(append(ops, changed...)...); err != nil {
		for _, op := range changed {
			e.saved[op.Key] = digest{} // nobody knows what is on disk: the next batch says it again
		}
		return storeError(err)
	}
	if e.saved = after; e.committed != nil {
		e.committed()
	}
	return nil
}

func (e *Endpoint) changes() (ops []store.Op, after map[string]digest) {
	after = map[string]digest{}
	for _, r := range e.ep.Marshal() {
		if after[r.Key] = sha256.Sum256(r.Value); after[r.Key] != e.saved[r.Key] {
			ops = append(ops, store.Op{Kind: kindState, Key: r.Key, Value: r.Value})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.saved)) {
		if _, there := after[key]; !there {
			ops = append(ops, store.Op{Kind: kindState, Key: key, Delete: true})
		}
	}
	return ops, after
}

// restore rebuilds all from the records and drops what has expired.
func (e *Endpoint) restore(key *rsa.PrivateKey, now time.Time) error {
	if err := e.restoreState(key); err != nil {
		return err
	}
	err := e.each(kindRegistration, func(_ string, b []byte) error { return e.decode(b, &e.reg, &e.reg.V) })
	if err == nil {
		err = e.each(kindOut, e.restoreOut)
	}
	if err == nil {
		err = e.each(kindSeen, e.restoreSeen)
	}
	if err == nil {
		err = e.each(kindPermit, e.restorePermit)
	}
	if err != nil {
		return err
	}
	slices.SortFunc(e.out, func(a, b *outgoing) int { return cmp.Compare(a.Number, b.Number) })
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tidy(now)
}

// each reads the records of a kind. A damaged one is reported and left out.
func (e *Endpoint) each(k store.Kind, visit func(key string, value []byte) error) error {
	err := e.store.Each(k, visit, func(err error) { e.report("a record is left out: %w", err) })
	if ReasonOf(err) != "" {
		return err
	}
	return storeError(err)
}

// decode reads a record in JSON. One of a newer program ends the opening: it must stay as it is.
func (e *Endpoint) decode(b []byte, v any, version *int) error {
	if err := json.Unmarshal(b, v); err != nil {
		return &Error{Reason: Disk, Message: "a record cannot be read: " + err.Error(), Fix: "restore the directory from a copy", Err: err}
	}
	if *version != recordVersion {
		return &Error{Reason: Disk, Message: fmt.Sprintf("a record is of version %d, this program reads version %d", *version, recordVersion), Fix: "update this program"}
	}
	return nil
}

func (e *Endpoint) restoreState(key *rsa.PrivateKey) error {
	var parts []endpoint.Record
	err := e.each(kindState, func(k string, v []byte) error {
		parts = append(parts, endpoint.Record{Key: k, Value: v})
		e.saved[k] = sha256.Sum256(v)
		return nil
	})
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		e.ep, err = endpoint.FromKey(key, rand.Reader)
		return err
	}
	ep, skipped, err := endpoint.Unmarshal(parts, key)
	if err != nil {
		return &Error{Reason: Disk, Message: err.Error(), Fix: "restore the whole directory from a copy", Err: err}
	}
	for _, s := range skipped {
		e.report("%s is left out: %w", s.Key, s.Err)
		delete(e.saved, s.Key) // it stays as it is
	}
	e.ep = ep
	return nil
}

const tidyEvery = time.Minute

// tidy forgets what has expired, now and then. e.mu is held.
func (e *Endpoint) tidy(now time.Time) error {
	if now.Sub(e.tidied) < tidyEvery {
		return nil
	}
	e.tidied = now
	ops := slices.Concat(e.tidyOut(now), e.tidySeen(now), e.tidyPermits(now))
	if len(ops) == 0 {
		return nil
	}
	return e.commit(ops...)
}
