package gateway

import (
	"time"

	"packhorse/gateway/courier/bundle"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// From the shell into the core, for files that somebody carries between gateways. The core never sees a file: it
// makes and takes their octets.
type (
	// OpenStick begins an export to a stick that holds Files already; what is in those of ours is not written again.
	// CloseStick ends it. Answer value: StickVerdict.
	OpenStick struct {
		Token Token
		Sub   uint64
		Files []StickFile
	}
	// NextFile asks for the next file of an export, of at most Room octets, and with nothing in it that is less urgent
	// than Least. What does not fit is passed over and counted. Parcels stay queued until somebody acknowledges them.
	// Answer value: *StickMade; its Raw is empty when nothing more is to be written.
	NextFile struct {
		Token Token
		Sub   uint64
		Room  int64
		Least link.Priority
	}
	CloseStick struct{ Sub uint64 }
	// TakeBundle takes a bundle that was found on a stick. Answer value: StickTaken, all durable that it counts.
	TakeBundle struct {
		Token Token
		Raw   []byte
	}
)

// StickHead is how many of its first octets tell what a file on a stick is.
const StickHead = bundle.MaxHead

// StickFile is a file on a stick: its name, its octets in all, and the first StickHead of them.
type StickFile struct {
	Name string
	Size int64
	Head []byte
}

// StickVerdict names the files that may go: expired, damaged ones of ours, and those of ours whose contents were
// acknowledged.
type StickVerdict struct {
	Over    []string
	Bytes   int64 // about what is to be written
	Parcels int   // among it
	// Up is another one when other parcels wait for the Internet here, or other acknowledgements are owed there: cargo that was
	// made before is then not all of it.
	Up [32]byte
}

// StickMade is a file for a stick. Raw belongs to who asked.
type StickMade struct {
	Raw      []byte
	Type     ramf.Type // of cargo and CCAs, 0: a bundle
	To       string    // name of the gateway, Internet address, or beginning of an id
	Priority link.Priority
	Parcels  int
	Notes    int
	Expires  time.Time
	Left     StickLeft // passed over so far, for want of room
}

// StickLeft is what did not fit.
type StickLeft struct {
	Parcels int
	Cargo   int // and CCAs
	Bytes   int64
}

// StickFate is what should become of a file.
type StickFate uint8

const (
	StickDone    StickFate = iota + 1 // all of it is durable, or never will be taken: the file may go
	StickOthers                       // it is for another gateway: leave it
	StickLater                        // some was not taken now, for want of room or time: leave it and try again
	StickDamaged                      // it was cut off or its medium spoiled it: the writer will write it anew
	StickStrange                      // it is for us, but nobody that we know as a member wrote it
)

// StickTaken tells what became of a bundle.
type StickTaken struct {
	Fate    StickFate
	From    string // name of the gateway that wrote it
	Parcels int    // taken
	Known   int    // parcels that we had
	Notes   int    // receipts, contacts and dispatches
	Custody int    // acknowledgements of what we exported
	Refused int    // never taken
	Later   int    // not taken now
	// Ack goes onto the stick before the file leaves it: who wrote it learns by it what we took. Empty: nothing to tell. The
	// same octets again when the same was taken again.
	Ack []byte
}

func (OpenStick) gatewayEvent()  {}
func (NextFile) gatewayEvent()   {}
func (CloseStick) gatewayEvent() {}
func (TakeBundle) gatewayEvent() {}

// handleStick takes what is written to and read from sticks.
func (c *Core) handleStick(now time.Time, e Event) {
	switch e := e.(type) {
	case OpenStick:
		c.openStick(now, e)
	case NextFile:
		c.nextFile(now, e)
	case CloseStick:
		delete(c.sticks, e.Sub)
	case TakeBundle:
		c.takeBundle(now, e)
	}
}
