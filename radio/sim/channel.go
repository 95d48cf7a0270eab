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
	wave       phy.Wave
	powerDBm   float64
	data       []byte // as modulated
	start, end time.Time
	lock       time.Time // from here on the packet can be harmed
	others     []*transmission
	luck       map[int]luck // what chance wills at each chip
}

// sameChannel tells whether two settings share spectrum.
func sameChannel(x, y phy.Modulation) bool {
	apart := math.Abs(float64(x.FrequencyHz) - float64(y.FrequencyHz))
	return apart < (float64(x.BandwidthHz)+float64(y.BandwidthHz))/2
}

// understands tells whether a station, as it is set, can demodulate t. The coding rate stands in the packet's header.
func (a *Air) understands(s *station, t *transmission) bool {
	x, y := s.wave, t.wave
	return x.BandwidthHz == y.BandwidthHz && x.SpreadingFactor == y.SpreadingFactor && x.BitRate == y.BitRate &&
		x.Inverted == y.Inverted && a.near(s, t)
}

// near tells whether t lies where a station's receiver still finds it: no further away than a quarter of the bandwidth
// (SX1276 datasheet section 4.1.3.5, tolerance of a frequency error). Modems count their frequencies alike, chips each
// in steps of their own.
func (a *Air) near(s *station, t *transmission) bool {
	if s.kind != Chip && a.stations[t.from].kind != Chip && s.wave.FrequencyHz != t.wave.FrequencyHz {
		return false
	}
	return math.Abs(a.errorHz(s, t)) <= float64(s.wave.BandwidthHz)/4
}

// errorHz is the carrier of t less that of a station's receiver.
func (a *Air) errorHz(s *station, t *transmission) float64 {
	sent := float64(t.wave.FrequencyHz) * (1 + a.stations[t.from].crystalPPM/1e6)
	return sent - float64(s.wave.FrequencyHz)*(1+s.crystalPPM/1e6)
}

// rssi is the strength of t at a station, or -Inf.
func (a *Air) rssi(t *transmission, at int) float64 {
	if t.from == at || a.cut[t.from][at] {
		return math.Inf(-1)
	}
	return t.powerDBm - a.pathLoss[t.from][at] - a.stations[at].fadeDB
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
	s := a.stations[station]
	m := s.wave.Modulation
	snr := a.rssi(t, station) - phy.NoiseFloorDBm(m.BandwidthHz)
	switch {
	case sameChannel(m, t.wave.Modulation) && snr > energyMarginDB:
		return t.start.Add(energyDelay), true
	case a.understands(s, t) && snr >= m.SNRLimitDB():
		return t.start.Add(detectSymbols * m.SymbolTime()), true
	}
	return time.Time{}, false
}

// begin puts a packet on the air.
func (a *Air) begin(now time.Time, s *station, w phy.Wave, data []byte) *transmission {
	onAir := w.TimeOnAir(len(data))
	spare := max(int(w.PreambleSymbols)-lockSymbols, 0)
	t := &transmission{
		from: s.index, wave: w, powerDBm: float64(s.powerDBm), data: data,
		start: now, end: now.Add(onAir), lock: now.Add(time.Duration(spare) * w.SymbolTime()),
	}
	for _, u := range a.active {
		u.others, t.others = append(u.others, t), append(t.others, u)
	}
	a.active = append(a.active, t)
	s.airtime += onAir
	s.stats.PacketsSent++
	s.stats.OctetsSent += uint64(len(data))
	s.txEnd, s.sending = t.end, true
	a.announce(t)
	return t
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
		if r.index == t.from || r.kind == Chip {
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
	if !r.on || math.IsInf(rssi, -1) || !a.understands(r, t) || r.wave.SyncWord != t.wave.SyncWord || t.wave.Implicit {
		return false
	}
	switch {
	case rssi-phy.NoiseFloorDBm(r.wave.BandwidthHz) < r.wave.SNRLimitDB():
		r.stats.Weak++
	case r.sending || r.listening.After(t.lock):
		r.stats.Deaf++
	case a.collides(t, r, t.end):
		r.stats.Collided++
	case t.wave.Broken:
	case lost, r.injury() != Unharmed:
		r.stats.Lost++
	default:
		return true
	}
	return false
}

// collides tells whether another packet harms t at r before this time.
func (a *Air) collides(t *transmission, r *station, until time.Time) bool {
	x, rssi := t.wave.Modulation, a.rssi(t, r.index)
	for _, u := range t.others {
		y := u.wave.Modulation
		orthogonal := !sameChannel(x, y) || x.SpreadingFactor != y.SpreadingFactor && !x.Stream() && !y.Stream()
		if orthogonal || !u.end.After(t.lock) || !u.start.Before(until) {
			continue
		}
		if a.rssi(u, r.index) > rssi-captureDB {
			return true
		}
	}
	return false
}
