package radio

import "time"

// Stamp is what a machine knows of the time, to tell after a restart how much of it has passed.
type Stamp struct {
	Wall  time.Time
	Known bool // the wall clock is to be trusted
	// Boot names the time since the machine was switched on, and Up is how long that is, by a clock that nobody sets and
	// that runs in sleep. A zero Boot: not known.
	Boot [16]byte
	Up   time.Duration
}

// since is how much time has surely passed since an earlier stamp; false when nobody knows. Within one boot that is
// measured, and no wall clock that was set meanwhile moves it. Later it is what the wall clock says, if it
// was trusted then and is now.
func (s Stamp) since(old Stamp) (time.Duration, bool) {
	if s.Boot != ([16]byte{}) && s.Boot == old.Boot {
		return s.Up - old.Up, s.Up >= old.Up
	}
	gap := s.Wall.Sub(old.Wall)
	return gap, s.Known && old.Known && gap >= 0
}
