package board

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Found is a board whose chip answers.
type Found struct {
	Profile *Profile
	Chip    Chip
	// Proven tells that a line of the profile besides the bus does what it should. Without it another board with the
	// same bus and chip select would answer alike.
	Proven bool
}

// Missed is a board that is not there, or could not be looked for.
type Missed struct {
	Profile *Profile
	Err     error
}

// ErrNoSafeProbe: a serial module may send on the air what it is asked while its mode pins are wrong.
var ErrNoSafeProbe = errors.New("a module on a UART cannot be looked for without the risk that it transmits: name its profile if you have one")

// Scan looks for the boards of the profiles without transmitting: it reads version registers, one chip select at a
// time. First it only reads; where no chip answers at all it switches boards' power on and resets their chips.
// Boards whose power has to be switched come after all others, so that a line that an answering board uses is never driven.
// Templates are tried where no real board is found. No board found, and more than one, are left to the caller to
// explain: Advise has the words. open is OpenHardware, or a simulation of it.
func Scan(profiles []*Profile, open func(*Profile) (*Hardware, error)) ([]Found, []Missed) {
	var real, templates []*Profile
	for _, p := range profiles {
		if p.Template {
			templates = append(templates, p)
		} else {
			real = append(real, p)
		}
	}
	var missed []Missed
	for _, list := range [][]*Profile{powerLast(real), powerLast(templates)} {
		for _, wake := range []bool{false, true} {
			found, not := scan(list, wake, open)
			if len(found) > 0 {
				return mostCertain(found), not
			}
			if wake {
				missed = append(missed, not...)
			}
		}
	}
	return nil, missed
}

// powerLast puts the boards with power lines behind those without, and leaves their order else as it is.
func powerLast(list []*Profile) []*Profile {
	switched := func(p *Profile) int { return min(1, len(p.Pins.Power)) }
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *Profile) int { return switched(a) - switched(b) })
	return list
}

func scan(list []*Profile, wake bool, open func(*Profile) (*Hardware, error)) (found []Found, missed []Missed) {
	for _, p := range list {
		err := fights(p, found)
		var f Found
		if err == nil {
			f, err = look(p, wake, open)
		}
		if err != nil {
			missed = append(missed, Missed{p, err})
			continue
		}
		found = append(found, f)
	}
	return found, missed
}

// fights tells that a board's power lines are lines of one that answers: they must not be driven. A board that answers but
// failed its proof is another one with the same bus and chip select, whose lines are not known.
func fights(p *Profile, found []Found) error {
	for _, f := range found {
		m := f.Profile.Pins
		for _, pin := range []PinRef{m.IRQ, m.Busy, m.DIO1, m.DIO2, m.Select, m.Reset, m.TxEnable, m.RxEnable} {
			if (f.Proven || !f.Profile.provable()) && pin != "" && slices.Contains(p.Pins.Power, pin) {
				return fmt.Errorf("not looked for: %s would have to be switched on, and %s, which answers, uses it", pin, f.Profile.Name)
			}
		}
	}
	return nil
}

// provable tells whether a line of the profile could show that the board is the one.
func (p *Profile) provable() bool {
	return p.Radio.Kind == KindSX126x && p.Pins.Busy != "" || p.Radio.Kind == KindSX127x && p.Pins.Reset != ""
}

// look asks one board.
func look(p *Profile, wake bool, open func(*Profile) (*Hardware, error)) (Found, error) {
	if !p.OnSPI() {
		return Found{}, ErrNoSafeProbe
	}
	hw, err := open(p)
	if err != nil {
		return Found{}, err
	}
	defer hw.Close()
	b := &wire{hw: hw, p: p}
	defer time.Sleep(settle) // its chip select may be the reset of the next board
	defer b.quiet()
	if wake {
		if err := b.wake(); err != nil {
			return Found{}, err
		}
	}
	if err := b.connect(); err != nil {
		return Found{}, err
	}
	chip, err := b.identify()
	if err != nil {
		return Found{}, err
	}
	proven, err := b.proven()
	return Found{Profile: p, Chip: chip, Proven: proven}, err
}

// mostCertain drops a board from a bus and chip select where another one is proven.
func mostCertain(found []Found) []Found {
	type place struct{ bus, sel string }
	at := func(f Found) place { return place{f.Profile.SPI.Device, string(f.Profile.Pins.Select)} }
	proven := map[place]bool{}
	for _, f := range found {
		proven[at(f)] = proven[at(f)] || f.Proven
	}
	var kept []Found
	for _, f := range found {
		if f.Proven || !proven[at(f)] {
			kept = append(kept, f)
		}
	}
	return kept
}

// Advise says what to do about a scan that did not find exactly one board; empty when it did.
func Advise(found []Found, missed []Missed) string {
	switch {
	case len(found) == 1:
		return ""
	case len(found) > 1:
		names := ""
		for _, f := range found {
			names += ", " + f.Profile.Name
		}
		return "more than one board answers alike: say which it is by its name, one of " + names[2:]
	}
	return fmt.Sprintf("%s; if it is on none of the boards that are known, copy board profile generic-sx127x or generic-sx126x into boards.d and put its pins in", likeliest(missed))
}

// likeliest is the reason that says most: a line or device that is held or missing, before silence.
func likeliest(missed []Missed) string {
	var wiring *WiringError
	silence := "no SPI bus was looked at"
	for _, m := range missed {
		if errors.As(m.Err, &wiring) {
			silence = "the buses work and no chip answers: check that the board is pushed down over all pins, and its 3.3 V; with wires, MISO, MOSI, SCK, chip select and ground"
		} else if !errors.Is(m.Err, ErrNoSafeProbe) {
			return m.Err.Error()
		}
	}
	return silence
}
