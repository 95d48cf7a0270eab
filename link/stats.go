package link

import "strings"

// Drop is why a frame, or a part of one, came to nothing.
type Drop uint8

// The reasons for dropping.
const (
	DropMalformed     Drop = iota // does not parse
	DropUnknownPort               // came from a port that is not up
	DropForeign                   // no MAC or hint of our domain and epoch, or of no member we know
	DropStale                     // a beacon heard before
	DropNoSession                 // a control frame for no session of ours
	DropForged                    // the tag does not verify
	DropReplay                    // a counter seen before, or too old
	DropNotOurs                   // data that none of our sessions opens
	DropUnknownStream             // an opened frame of a stream that was not offered
	DropBadSymbols                // symbols outside their block, or of a wrong size
	DropDuplicate                 // symbols that brought nothing new
	DropHandshake                 // a Noise message that does not fit
	DropRate                      // handshakes, queries or records beyond their rate
	DropPairing                   // a pairing frame while nobody pairs
	DropFull                      // a table or the memory for bodies is full
	DropBadBody                   // a whole body whose digest is not the offered one
	DropPoison                    // a source of false symbols in a body that others gave too
	DropAway                      // no place for it on the setting of an excursion
	DropOversized                 // longer than any port carries
	numDrops
)

var dropNames = [numDrops]string{
	"malformed", "unknown port", "foreign", "stale beacon", "no session", "forged", "replayed", "not ours",
	"unknown stream", "bad symbols", "duplicate symbols", "bad handshake", "rate", "no pairing", "full", "bad body", "poisoned symbols", "away",
	"oversized",
}

// String names the reason in a few words.
func (d Drop) String() string {
	if d < numDrops {
		return dropNames[d]
	}
	return "unknown"
}

// Key is the name as JSON has it, with _ for each space.
func (d Drop) Key() string { return strings.ReplaceAll(d.String(), " ", "_") }

// Drops lists every reason.
func Drops() []Drop {
	all := make([]Drop, numDrops)
	for i := range all {
		all[i] = Drop(i)
	}
	return all
}

// Stats counts since New.
type Stats struct {
	FramesIn, FramesOut uint64
	OctetsIn, OctetsOut uint64
	Trials              uint64           // how often a data frame was tried under a session's keys
	Clears              uint64           // turns given to neighbours that do not hear each other
	Dropped             [numDrops]uint64 // indexed by Drop
}

// Stats returns the counters.
func (c *Core) Stats() Stats { return c.stats }

func (c *Core) drop(d Drop) { c.stats.Dropped[d]++ }
