package radios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"packhorse/board"
)

var errNoBoard = errors.New("its board is not known: name one of packhorse board list")

// Finder finds the board that is plugged in: by its EEPROM, or by reading version registers without transmitting. It
// remembers what it found, for a board at work cannot be looked for again. Safe for concurrent use.
type Finder struct {
	HAT  func() board.HAT
	Open func(*board.Profile) (*board.Hardware, error)

	mu    sync.Mutex
	found *board.Profile
}

// Known is the board that the EEPROM names, or that was found before; nil where neither tells. Nothing is opened.
func (f *Finder) Known(list []*board.Profile, kind string) (*board.Profile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known(list, kind)
}

func (f *Finder) known(list []*board.Profile, kind string) (*board.Profile, error) {
	if f.found != nil && fits(f.found, kind) {
		for _, p := range list { // it may have been written anew
			if p.Name == f.found.Name {
				return p, nil
			}
		}
	}
	hats := slices.DeleteFunc(f.HAT().Known(list), func(p *board.Profile) bool { return !fits(p, kind) })
	if len(hats) > 1 {
		var names []string
		for _, p := range hats {
			names = append(names, p.Name)
		}
		return nil, fmt.Errorf("the EEPROM of the board fits more than one profile: set board to one of %s", strings.Join(names, ", "))
	}
	if len(hats) == 1 {
		return hats[0], nil
	}
	return nil, nil
}

func fits(p *board.Profile, kind string) bool { return kind == "" || p.Radio.Kind == kind }

// Find is Known, and else asks the chips themselves. Boards in taken are left alone.
func (f *Finder) Find(list []*board.Profile, kind string, taken []*board.Profile) (*board.Profile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.known(list, kind)
	if p != nil || err != nil {
		return p, err
	}
	var free []*board.Profile
	for _, p := range list {
		if fits(p, kind) && !slices.ContainsFunc(taken, func(t *board.Profile) bool {
			return t.SPI.Device == p.SPI.Device && t.Pins.Select == p.Pins.Select
		}) {
			free = append(free, p)
		}
	}
	found, missed := board.Scan(free, f.Open)
	if len(found) != 1 {
		return nil, fmt.Errorf("no board was found by itself: %s", board.Advise(found, missed))
	}
	f.found = found[0].Profile
	return f.found, nil
}
