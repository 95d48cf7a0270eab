package update

import (
	"errors"
	"fmt"
	"time"

	"packhorse/board/card"
)

// Why an update is not for a machine.
var (
	ErrSameBuild = errors.New("update: this build runs already: nothing to do")
	ErrBoard     = errors.New("update: it is for another kind of board")
	ErrOlder     = errors.New("update: it is older than what runs")
)

// Fits tells whether a system may take the place of the one that runs: for the same board, another build, and not made
// earlier unless allowOlder. By the date of creation alone: version numbers are for people.
func Fits(m Manifest, running card.Release, allowOlder bool) error {
	switch {
	case m.Board != running.Board:
		return fmt.Errorf("%w: %s, and this is %s", ErrBoard, m.Board, running.Board)
	case m.Build == running.Build:
		return fmt.Errorf("%w (%s)", ErrSameBuild, m.Version)
	case !allowOlder && older(m.Created, running.Created):
		return fmt.Errorf("%w: %s of %s, and %s of %s runs", ErrOlder, m.Version, m.Created, running.Version, running.Created)
	}
	return nil
}

// older tells whether a was before b. A running system without a date is older than all.
func older(a, b string) bool {
	x, err := time.Parse(time.RFC3339, a)
	y, err2 := time.Parse(time.RFC3339, b)
	return err2 == nil && (err != nil || x.Before(y))
}
