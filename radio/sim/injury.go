package sim

// Injury is what happens to a packet at one receiver.
type Injury uint8

// The injuries.
const (
	Unharmed      Injury = iota
	WrongChecksum        // the payload is damaged, and its checksum tells
	BadHeader            // the header's checksum is wrong; of an implicit packet nothing comes at all
	NoChecksum           // the header says that there is none, and the payload is damaged
	Missed               // the receiver does not find the packet
)

// Injure says what happens to the next packets that a station would receive, one after the other, after what earlier
// calls said. An RNode loses each packet that is not Unharmed.
func (a *Air) Injure(station int, next ...Injury) {
	s := a.stations[station]
	s.injuries = append(s.injuries, next...)
}

// injury is what happens to the packet that the station is about to receive.
func (s *station) injury() Injury {
	i, _ := pop(&s.injuries)
	return i
}

// luck is what chance wills for one packet at one chip. All of it is drawn when the packet begins, from the
// receiver's own source: who hears whom moves no later packet's fate.
type luck struct{ lost, manner, twice float64 }

// What becomes of a packet that is lost by chance: as many are damaged as the rest together.
const (
	lostDamaged   = 0.5
	lostBadHeader = 0.75
)

// announce draws the luck of a packet that begins, and lets all open receivers expect it.
func (a *Air) announce(t *transmission) {
	for _, s := range a.stations {
		if s.kind != Chip || s.index == t.from {
			continue
		}
		if t.luck == nil {
			t.luck = map[int]luck{}
		}
		t.luck[s.index] = luck{s.rand.Float64(), s.rand.Float64(), s.rand.Float64()}
		if s.on {
			a.expect(s, t, t.start)
		}
	}
}

// chance is what the seeded loss does to a packet at a receiver.
func (a *Air) chance(s *station, t *transmission) Injury {
	l := t.luck[s.index]
	switch {
	case l.lost >= a.loss[t.from][s.index]:
		return Unharmed
	case l.manner < lostDamaged:
		return WrongChecksum
	case l.manner < lostBadHeader:
		return BadHeader
	}
	return Missed
}
