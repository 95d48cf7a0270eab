package queue

import (
	"encoding/hex"
	"errors"
	"math"
	"time"
)

// ID names an item for ever: nothing else may come under it until it is forgotten.
type ID [16]byte

// Digest names what the body of an item says.
type Digest [16]byte

// Key is the key of the item's head in the store.
func (id ID) Key() string { return hex.EncodeToString(id[:]) }

// Key is the key of the body in the store.
func (d Digest) Key() string { return hex.EncodeToString(d[:]) }

// Priority orders what waits. Its numbers are those of the air.
type Priority uint8

const (
	Emergency Priority = iota
	Message
	Bulk

	priorities = 3
)

// Item is what the queue knows of an item. L names lines: whom an item waits for.
type Item[L comparable] struct {
	ID       ID
	Digest   Digest
	Line     L
	Priority Priority
	Age      uint64    // arrival number: of one priority the lowest goes first
	Over     time.Time // when its time is over, to the second; zero: never
	Octets   int       // of the body, at most 2^32-1
	Peer     string    // neighbour that it came from; empty: nobody, it is our own
	Sender   string    // who is charged with it; empty: nobody
}

// State is how far an item is.
type State uint8

const (
	free       State = iota
	Fresh            // its first batch is on its way
	Waiting          // whoever asks for its line gets it
	Leased           // somebody has it, or it rests
	Acking           // it has arrived; the batch that says so is on its way
	Remembered       // the body is gone, the head keeps others from coming under this ID
	Returning        // the batch that takes its body back is on its way
	Leaving          // its time is over; the batch that says so is on its way
)

// Errors that callers branch on. A third one is *Full.
var (
	ErrKnown    = errors.New("queue: the item is here or was here before")
	ErrPending  = errors.New("queue: a change of the item is being written: ask again when it is on disk")
	ErrConflict = errors.New("queue: another item came under this id before")
)

// item is an Item without pointers, and where it stands.
type item struct {
	id     ID
	digest Digest
	age    uint64
	over   int64 // seconds since 1970
	until  int64 // end of the lease, nanoseconds since 1970
	octets uint32
	line   uint32
	peer   uint32
	sender uint32
	place  int32 // in the heap of its line or that of the leases, -1: in neither
	due    int32 // place in the heap of what ends, -1: not in it
	prio   Priority
	state  State
	was    State // before a batch that is on its way
}

// never is later than any time.
const never = math.MaxInt64

// Forever is the end of a lease that only Release ends.
var Forever = time.Time{}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.Unix()
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixNano()
}

// counted tells whether the octets of the body are on disk or on the way there.
func (it *item) counted() bool { return it.state != free && it.state != Remembered && !it.bare() }

// bare tells that a batch is on its way of what had no body before.
func (it *item) bare() bool { return it.state == Leaving && it.was == Remembered }
