package sim

import (
	"math"
	"time"

	"packhorse/radio/phy"
)

// A chip's receiver searches for preambles. It follows the first packet that it finds until that ends or turns out to
// be none of its own, unless one comes that is stronger by the capture margin. What it does not follow at the end of a
// packet's preamble is lost to it.

// reception is a packet on its way into a chip.
type reception struct {
	t      *transmission
	stage  phy.Stage // that comes next
	at     time.Time // of it
	injury Injury
	echo   bool // the packet's second coming, where the air duplicates: it yields to any other
}

// expect lets a receiver that is free since some time look for a packet's preamble.
func (a *Air) expect(s *station, t *transmission, free time.Time) {
	if a.gone(t, s) || !a.understands(s, t) {
		return
	}
	if a.rssi(t, s.index)-phy.NoiseFloorDBm(s.wave.BandwidthHz) < s.wave.SNRLimitDB() {
		if free.Equal(t.start) {
			s.stats.Weak++
		}
		return
	}
	if !free.After(t.lock) {
		s.hearing = append(s.hearing, &reception{t: t, stage: phy.PreambleFound, at: free.Add(lockSymbols * s.wave.SymbolTime())})
	}
}

// notice does one thing that a chip's receiver notices at this time; false: there is none.
func (a *Air) notice(at time.Time) bool {
	for _, s := range a.stations {
		for _, h := range s.hearing {
			if h.at.After(at) {
				continue
			}
			switch h.stage {
			case phy.PreambleFound:
				a.preamble(s, h)
			case phy.HeaderFound:
				a.header(s, h)
			default:
				a.ending(s, h)
			}
			return true
		}
	}
	return false
}

// preamble is the moment at which a receiver has heard enough of a preamble to follow it.
func (a *Air) preamble(s *station, h *reception) {
	if l := s.follows; l != nil && !l.echo && a.rssi(h.t, s.index) < a.rssi(l.t, s.index)+captureDB {
		a.postpone(s, h, l)
		return
	}
	if h.t.wave.SyncWord == s.wave.SyncWord {
		h.injury = a.will(s, h)
	}
	if h.injury == Missed {
		s.stats.Lost++
		s.drop(h)
		return
	}
	if l := s.follows; l != nil {
		s.stats.Collided += uint64(b2i(!l.echo))
		s.drop(l)
	}
	s.follows = h
	a.arrive(s, h, phy.Arrival{Stage: phy.PreambleFound})
	h.stage, h.at = phy.HeaderFound, h.t.start.Add(h.t.wave.HeaderTime())
}

// will is what a test or chance does to a packet that the receiver has found.
func (a *Air) will(s *station, h *reception) Injury {
	if h.echo {
		return Unharmed
	}
	if i := s.injury(); i != Unharmed {
		return i
	}
	return a.chance(s, h.t)
}

// postpone lets a packet wait for the end of the one that the receiver follows, if its preamble is that long.
func (a *Air) postpone(s *station, h, held *reception) {
	end := held.end(s)
	if end.After(h.t.lock) {
		s.stats.Collided += uint64(b2i(!h.echo))
		s.drop(h)
		return
	}
	h.at = end.Add(lockSymbols * s.wave.SymbolTime())
}

// end is when the receiver is done with a packet that it follows.
func (h *reception) end(s *station) time.Time {
	if s.wave.Implicit {
		return h.t.start.Add(implicitTime(s, h.t))
	}
	return h.t.start.Add(h.t.wave.TimeOnAir(len(h.t.data)))
}

// implicitTime is how long a receiver without a header believes that the packet lasts.
func implicitTime(s *station, t *transmission) time.Duration {
	w := s.wave
	w.PreambleSymbols = t.wave.PreambleSymbols
	return w.TimeOnAir(int(w.Length))
}

// header is the end of a packet's first eight symbols.
func (a *Air) header(s *station, h *reception) {
	t := h.t
	switch damaged := a.collides(t, s, h.at) || a.gone(t, s); {
	case t.wave.SyncWord != s.wave.SyncWord:
		s.drop(h)
		return
	case s.wave.Implicit:
		if damaged || !s.agrees(t) {
			h.injury = WrongChecksum
		}
		if h.injury == BadHeader {
			s.stats.Lost++
			s.drop(h)
			return
		}
	case damaged:
		s.stats.Collided++
		a.badHeader(s, h)
		return
	case h.injury == BadHeader || t.wave.Implicit:
		s.stats.Lost++
		a.badHeader(s, h)
		return
	default:
		a.arrive(s, h, phy.Arrival{Stage: phy.HeaderFound, CodingRate: t.wave.CodingRate, CRC: h.checksum(s)})
	}
	h.stage, h.at = phy.PacketEnd, h.end(s)
}

// gone tells whether the link is cut by now.
func (a *Air) gone(t *transmission, s *station) bool { return math.IsInf(a.rssi(t, s.index), -1) }

// agrees tells whether a packet is what a receiver without a header takes it for.
func (s *station) agrees(t *transmission) bool {
	return t.wave.Implicit && int(s.wave.Length) == len(t.data) && s.wave.CodingRate == t.wave.CodingRate && s.wave.CRC == t.wave.CRC
}

// badHeader drops a packet, sometimes with a word about it: a header that is destroyed in full is not seen as one.
func (a *Air) badHeader(s *station, h *reception) {
	if h.injury == BadHeader || h.t.luck[s.index].manner < lostBadHeader {
		a.arrive(s, h, phy.Arrival{Stage: phy.HeaderBad})
	}
	s.drop(h)
}

// checksum tells whether the receiver believes that there is one.
func (h *reception) checksum(s *station) bool {
	if s.wave.Implicit {
		return s.wave.CRC
	}
	return h.t.wave.CRC && h.injury != NoChecksum
}

// ending is the end of a packet's last symbol.
func (a *Air) ending(s *station, h *reception) {
	t := h.t
	collided := a.collides(t, s, h.at) || a.gone(t, s)
	damaged := collided || t.wave.Broken || h.injury != Unharmed
	data := append([]byte(nil), t.data...)
	if s.wave.Implicit {
		data = append(data, make([]byte, 256)...)[:s.wave.Length]
	}
	if damaged {
		spoil(data, t.luck[s.index])
	}
	a.arrive(s, h, phy.Arrival{
		Stage: phy.PacketEnd, Data: data, Damaged: damaged, CodingRate: t.wave.CodingRate, CRC: h.checksum(s),
	})
	s.drop(h)
	switch {
	case collided:
		s.stats.Collided++
	case damaged:
		s.stats.Lost++
	default:
		s.stats.FramesReceived++
		a.echo(s, h)
	}
}

// echo is the duplicate of a packet: it comes again at once, from something that repeats it.
func (a *Air) echo(s *station, h *reception) {
	if h.echo || h.t.luck[s.index].twice >= a.duplicate {
		return
	}
	again := *h.t
	again.others, again.start, again.lock = nil, h.t.end, h.t.end.Add(h.t.lock.Sub(h.t.start))
	again.end = again.start.Add(h.t.end.Sub(h.t.start))
	s.hearing = append(s.hearing, &reception{
		t: &again, echo: true, stage: phy.PreambleFound, at: again.lock.Add(lockSymbols * s.wave.SymbolTime()),
	})
}

// spoil changes some bits of a payload.
func spoil(data []byte, l luck) {
	if len(data) == 0 {
		return
	}
	for range 1 + len(data)/8 {
		l.manner = math.Mod(l.manner*97+l.lost+0.01, 1)
		data[int(l.manner*float64(len(data)))] ^= byte(1 + int(l.lost*255))
	}
}

// arrive tells the chip, with the signal's strength as the receiver sees it.
func (a *Air) arrive(s *station, h *reception, n phy.Arrival) {
	n.Station, n.At = s.index, h.at
	n.RSSIdBm = h.t.powerDBm - a.pathLoss[h.t.from][s.index] - s.fadeDB
	n.SNRdB = n.RSSIdBm - phy.NoiseFloorDBm(s.wave.BandwidthHz)
	n.ErrorHz = a.errorHz(s, h.t)
	a.arrived = append(a.arrived, n)
}

// drop ends what a receiver has to do with a packet.
func (s *station) drop(h *reception) {
	for i, x := range s.hearing {
		if x == h {
			s.hearing = append(s.hearing[:i:i], s.hearing[i+1:]...)
			break
		}
	}
	if s.follows == h {
		s.follows = nil
	}
}

// broken is the end of a packet before its time. Who has read its header cannot know.
func (a *Air) broken(t *transmission) {
	for _, s := range a.stations {
		for i := len(s.hearing) - 1; i >= 0; i-- {
			h := s.hearing[i]
			switch {
			case h.t != t:
			case h.stage == phy.PacketEnd:
				h.injury = WrongChecksum
			default:
				s.drop(h)
			}
		}
	}
}
