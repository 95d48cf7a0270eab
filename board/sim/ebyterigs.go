//go:build linux

package sim

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// AddE22 puts an E22 module on a station, which must be Bare: dir/e22-0 and so on. Its mode pins are pulled down, as on
// a HAT with its jumpers on, until somebody drives them (EbytePins).
func (r *Rig) AddE22(station int, kind E22) error {
	return r.addEbyte("e22-", station, newE22(kind))
}

// AddE32 puts an E32 module on a station, which must be Bare: dir/e32-0 and so on.
func (r *Rig) AddE32(station int, kind E32) error {
	return r.addEbyte("e32-", station, newE32(kind))
}

func (r *Rig) addEbyte(name string, station int, s ebyteSeries) error {
	m := newEbyte(r.air, station, s)
	m.m0 = newPin(fmt.Sprintf("M0-%d", station), 0, r.modePin(m, 1))
	m.m1 = newPin(fmt.Sprintf("M1-%d", station), 1, r.modePin(m, 0))
	m.aux = newPin(fmt.Sprintf("AUX-%d", station), 2, nil)
	return r.add(name+strconv.Itoa(station), station, ebyteConfig, m)
}

// modePin tells a module of the level that the host drives.
func (r *Rig) modePin(m *ebyteModem, which int) func(bool) {
	return func(high bool) {
		r.Do(context.Background(), func(now time.Time) {
			m.wants[which] = high
			m.timeout(now)
		})
	}
}

// EbytePins are the mode pins and AUX of a station's module; nil where there is none.
func (r *Rig) EbytePins(station int) (m0, m1, aux *Pin) {
	if p := r.modems[station]; p != nil {
		if m, ok := p.modem.(*ebyteModem); ok {
			return m.m0, m.m1, m.aux
		}
	}
	return nil, nil, nil
}

// EbyteOverrun is how many octets found the buffer of a station's module full. Only after Run, or in Do.
func (r *Rig) EbyteOverrun(station int) uint64 {
	if p := r.modems[station]; p != nil {
		if m, ok := p.modem.(*ebyteModem); ok {
			return m.overrun
		}
	}
	return 0
}
