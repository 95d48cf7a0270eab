// Package permit holds what a delivery authorisation (PDA) may still do: how many parcels it allows in a time, and
// whether its endpoint took it back (RS-002, RS-018; nobody else enforces either). Pure. Tables tell what
// to make durable; nothing counts before that is done. Not safe for concurrent use.
package permit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Record is a change of one record of the store: put Value under Key, or Delete it.
type Record struct {
	Key    string
	Value  []byte
	Delete bool
}

// Refusals, to be told with errors.Is.
var (
	// ErrRate says that the authorisation allows no parcel at that time.
	ErrRate = errors.New("permit: more parcels than the recipient allows")
	// ErrFull says that a table has no room.
	ErrFull = errors.New("permit: no room to keep count of this")
	// ErrDenial says that a PDD is malformed, expired, or not the word of who may give it.
	ErrDenial = errors.New("permit: not a valid deauthorisation")
)

var errRecord = errors.New("permit: record is damaged")

func hashOf(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}
