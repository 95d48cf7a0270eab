package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"packhorse/board/card"
)

// What happened to an update.
const (
	Staged  = "staged"  // it is whole in a slot
	Asked   = "asked"   // a restart into it was asked for
	Trial   = "trial"   // it started
	Kept    = "kept"    // it became ready and is the default now
	Failed  = "failed"  // it did not, and the one before runs again
	Refused = "refused" // a file on the boot partition could not be taken
)

// maxEvents bounds the history, in events; maxJournal in octets.
const (
	maxEvents  = 32
	maxJournal = 64 << 10
)

// Event is a line of the history. At is by the clock of the machine, which may have been wrong then; events are in
// order all the same.
type Event struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	Version string    `json:"version,omitempty"`
	Build   string    `json:"build,omitempty"`
	Slot    int       `json:"slot,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// journal is the file: what the next start has to know, and what people want to.
type journal struct {
	Other  *System `json:"other,omitempty"` // whole, in the slot that is not the running one
	Asked  *asked  `json:"asked,omitempty"` // a trial whose end is not known yet
	Events []Event `json:"events"`
}

type asked struct {
	System
	From card.Release `json:"from"`
	Why  string       `json:"why,omitempty"` // it was given up
}

func (j *journal) add(e Event) {
	e.At, e.Why = e.At.UTC().Truncate(time.Second), short(e.Why)
	j.Events = append(j.Events, e)
	j.Events = j.Events[max(0, len(j.Events)-maxEvents):]
}

func short(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200])
	}
	return s
}

// result is the last event that people want to know of.
func (j *journal) result(runs card.Release) string {
	if len(j.Events) == 0 {
		return ""
	}
	switch e := j.Events[len(j.Events)-1]; e.What {
	case Staged:
		return fmt.Sprintf("%s is in slot %s and was not tried yet", e.Version, card.SlotName(e.Slot))
	case Asked, Trial:
		return fmt.Sprintf("%s is being tried", e.Version)
	case Kept:
		return fmt.Sprintf("%s was tried and is kept", e.Version)
	case Failed:
		return fmt.Sprintf("%s was tried and did not become ready (%s); %s runs again", e.Version, e.Why, runs.Version)
	default:
		return e.Why
	}
}

// failed tells whether the last trial of a build failed.
func (j *journal) failed(build string) (yes bool) {
	for _, e := range j.Events {
		if e.Build == build && (e.What == Failed || e.What == Kept) {
			yes = e.What == Failed
		}
	}
	return yes
}

// readJournal reads the history. One that is missing or damaged is an empty one: then the other slot counts as unknown.
func readJournal(path string) journal {
	var j journal
	if st, err := os.Stat(path); err != nil || st.Size() > maxJournal {
		return j
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &j) != nil {
		return journal{}
	}
	return j
}

// note changes the history, durably, whole or not at all: temporary file, sync, rename, sync of the directory, on a
// journalling file system. What does not change it is not written.
func (c Card) note(change func(*journal)) error {
	j := readJournal(c.History)
	before, err := json.Marshal(j)
	if err != nil {
		return err
	}
	change(&j)
	after, err := json.Marshal(j)
	if err != nil || string(before) == string(after) {
		return err
	}
	return replace(c.History, append(after, '\n'))
}

func replace(path string, text []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
