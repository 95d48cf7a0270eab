package update

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"packhorse/board/card"
)

// Card is the card of a running appliance, as the init knows it. Its methods may be called by several processes; what
// must not happen side by side is kept apart by a lock on the file beside History.
type Card struct {
	Disk    string       // block device of the whole card, such as /dev/mmcblk0
	Running int          // slot that was booted: card.SlotA or card.SlotB
	Release card.Release // of the running system
	BootDir string       // where partition 1 is mounted
	History string       // file of what was done, on the data partition

	// Writable makes the boot partition take writes, or not any more; nil: it always does.
	Writable func(bool) error
	// Open opens the device of a slot; nil: OpenSlot.
	Open func(path string) (Device, error)

	inPlace func(path string) (inPlace, error) // nil: openInPlace
}

// State is where the card stands.
type State struct {
	Running int          // slot that was booted
	Default int          // slot that the firmware takes next
	Trial   bool         // the running slot is not the default: it is for the init to Commit it, or to restart
	Release card.Release // what runs
	Other   *System      // what the other slot is known to hold whole; nil: nothing, or unknown
	Result  string       // what became of the last update, in words; empty: there was none
	Events  []Event      // the last ones, oldest first
	Mended  bool         // of Started: autoboot.txt was damaged and is as it should be again
}

// System is what a slot holds.
type System struct {
	Slot    int          `json:"slot"`
	Release card.Release `json:"release"`
}

// Why nothing can be staged or tried.
var (
	ErrTrial   = errors.New("update: the running system is on trial: wait until it is kept or given up")
	ErrNothing = errors.New("update: the other slot holds no system that is known to be whole")
	ErrAsked   = errors.New("update: a restart into the other slot was asked for already")
)

// State reads autoboot.txt and the history.
func (c Card) State() (State, error) {
	j := readJournal(c.History)
	s := State{Running: c.Running, Release: c.Release, Other: j.Other, Result: j.result(c.Release), Events: j.Events}
	a, err := c.autoboot()
	if err != nil {
		return s, err
	}
	s.Default, s.Trial = a.Default, c.Running != a.Default
	return s, nil
}

func (c Card) autoboot() (card.Autoboot, error) {
	if !card.IsSlot(c.Running) {
		return card.Autoboot{}, fmt.Errorf("update: %d is no slot", c.Running)
	}
	text, err := os.ReadFile(filepath.Join(c.BootDir, card.AutobootFile))
	if err != nil {
		return card.Autoboot{}, err
	}
	a, err := card.ParseAutoboot(text)
	if err != nil {
		return a, err
	}
	// What Commit could not write must not be tried.
	own, err := a.AppendText(nil)
	if err == nil {
		_, err = pad(own, int64(len(text)))
	}
	return a, err
}

// Stage writes an update into the slot that does not run and is not the default. When it answers nil, the slot is
// whole, and Try would take it.
func (c Card) Stage(ctx context.Context, f *File, now time.Time, show Progress) error {
	unlock, err := c.lock()
	if err != nil {
		return err
	}
	defer unlock()
	s, err := c.State()
	if err != nil {
		return err
	}
	if s.Trial {
		return ErrTrial
	}
	if readJournal(c.History).Asked != nil { // the slot must be whole when the firmware comes to it
		return ErrAsked
	}
	other := card.Other(c.Running)
	if err := c.note(func(j *journal) { j.Other = nil }); err != nil {
		return err
	}
	dev, err := c.open(other)
	if err != nil {
		return err
	}
	if err := errors.Join(stage(ctx, dev, f, show), dev.Close()); err != nil {
		return err
	}
	return c.note(func(j *journal) {
		j.Other = &System{other, f.Release()}
		j.add(Event{At: now, What: Staged, Version: f.Version, Build: f.Build, Slot: other})
	})
}

func (c Card) open(slot int) (Device, error) {
	open := c.Open
	if open == nil {
		open = OpenSlot
	}
	return open(Partition(c.Disk, slot))
}

// writable lets f write to the boot partition.
func (c Card) writable(f func() error) error {
	if c.Writable == nil {
		return f()
	}
	if err := c.Writable(true); err != nil {
		return err
	}
	return errors.Join(f(), c.Writable(false))
}
