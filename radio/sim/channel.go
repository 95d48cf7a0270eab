package sim

import (
	"math"
	"time"

	"packhorse/radio/phy"
)

const (
	// captureDB is how much stronger than each other packet a packet must be to
	// survive an overlap.
	captureDB = 6
	// lockSymbols of the preamble are enough for a receiver to find the packet:
	// what happens before them harms nobody.
	lockSymbols = 6
	// detectSymbols pass until a modem's preamble detector answers.
	detectSymbols = 4
	// energyMarginDB above the noise floor counts as a carrier whatever it is
	// (CSMA_INFR_THRESHOLD_DB of RNode_Firmware), seen after energyDelay.
	energyMarginDB = 11
	energyDelay    = time.Millisecond
)

// transmission is one LoRa packet on the air.
type transmission struct {
	from       int
	mod        phy.Modulation
	powerDBm   float64
	data       []byte // as modulated
	start, end time.Time
	lock       time.Time // from here on the packet can be harmed
	others     []*transmission
}

// sameChannel tells whether two settings share spectrum.
func sameChannel(x, y phy.Modulation) bool {
	apart := math.Abs(float64(x.FrequencyHz) - float64(y.FrequencyHz))
	return apart < (float64(x.BandwidthHz)+float64(y.BandwidthHz))/2
}

// understands tells whether a receiver set to x can demodulate y. The coding
// rate stands in the packet's header.
func understands(x, y phy.Modulation) bool {
	return x.FrequencyHz == y.FrequencyHz && x.BandwidthHz == y.BandwidthHz && x.SpreadingFactor == y.SpreadingFactor && x.BitRate == y.BitRate
}

// rssi is the strength of t at a station, or -Inf.
func (a *Air) rssi(t *transmission, at int) float64 {
	if t.from == at || a.cut[t.from][at] {
		return math.Inf(-1)
	}
	return t.powerDBm - a.pathLoss[t.from][at]
}

// Busy tells what carrier sense answers a station at now: a preamble that its
// modem can follow, or energy well above the noise. A packet is not sensed in
// the first moments of its preamble.
func (a *Air) Busy(now time.Time, station int) bool {
	for _, t := range a.active {
		if from, ok := a.sensedFrom(t, station); ok && !now.Before(from) && now.Before(t.end) {
			return true
		}
	}
	return false
}

// sensedFrom is when a station's carrier sense notices t, if ever.
func (a *Air) sensedFrom(t *transmission, station int) (time.Time, bool) {
	m := a.stations[station].mod
	snr := a.rssi(t, station) - phy.NoiseFloorDBm(m.BandwidthHz)
	switch {
	case sameChannel(m, t.mod) && snr > energyMarginDB:
		return t.start.Add(energyDelay), true
	case understands(m, t.mod) && snr >= m.SNRLimitDB():
		return t.start.Add(detectSymbols * m.SymbolTime()), true
	}
	return time.Time{}, false
}

// begin puts a packet on the air.
func (a *Air) begin(now time.Time, s *station, data []byte) {
	onAir := s.mod.TimeOnAir(len(data))
	spare := max(int(s.mod.PreambleSymbols)-lockSymbols, 0)
	t := &transmission{
		from: s.index, mod: s.mod, powerDBm: float64(s.powerDBm), data: data,
		start: now, end: now.Add(onAir), lock: now.Add(time.Duration(spare) * s.mod.SymbolTime()),
	}
	for _, u := range a.active {
		u.others, t.others = append(u.others, t), append(t.others, u)
	}
	a.active = append(a.active, t)
	s.airtime += onAir
	s.stats.PacketsSent++
	s.stats.OctetsSent += uint64(len(data))
	s.txEnd, s.sending = t.end, true
}

// finish takes a packet off the air and gives it to everyone who got it.
func (a *Air) finish(t *transmission) {
	for i, u := range a.active {
		if u == t {
			a.active = append(a.active[:i], a.active[i+1:]...)
			break
		}
	}
	for _, r := range a.stations {
		if r.index == t.from {
			continue
		}
		if _, senses := a.sensedFrom(t, r.index); senses {
			r.heard.add(t.start, t.end.Sub(t.start))
		}
		// Drawn for every other station, so that who hears whom does not move
		// the fate of later packets.
		lost, twice := a.fate.Float64() < a.loss[t.from][r.index], a.fate.Float64() < a.duplicate
		if a.reaches(t, r, lost) {
			a.deliver(t, r, twice)
		}
	}
}

// reaches decides whether r receives t, and counts why not.
func (a *Air) reaches(t *transmission, r *station, lost bool) bool {
	rssi := a.rssi(t, r.index)
	if !r.on || math.IsInf(rssi, -1) || !understands(r.mod, t.mod) {
		return false
	}
	switch {
	case rssi-phy.NoiseFloorDBm(r.mod.BandwidthHz) < r.mod.SNRLimitDB():
		r.stats.Weak++
	case r.sending || r.listening.After(t.lock):
		r.stats.Deaf++
	case a.collides(t, r, rssi):
		r.stats.Collided++
	case lost:
		r.stats.Lost++
	default:
		return true
	}
	return false
}

// collides tells whether another packet destroys t at r.
func (a *Air) collides(t *transmission, r *station, rssi float64) bool {
	for _, u := range t.others {
		orthogonal := !sameChannel(t.mod, u.mod) || t.mod.SpreadingFactor != u.mod.SpreadingFactor && !t.mod.Stream() && !u.mod.Stream()
		if orthogonal || !u.end.After(t.lock) || !u.start.Before(t.end) {
			continue
		}
		if a.rssi(u, r.index) > rssi-captureDB {
			return true
		}
	}
	return false
}
