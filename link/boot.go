package link

import (
	"encoding/binary"
	"slices"
	"time"
)

// A beacon's boot is not proved: whoever recorded the beacons of earlier boots can play them again. The boot of a
// session is, because it was said inside the handshake.

const (
	pastBoots   = 16 // remembered of each peer
	doubtAfter  = 4  // boots in a row that proved wrong, until others are doubted for a while
	doubtFirst  = 10 * time.Second
	doubtLonger = 6 // doublings, at most
)

// boots are those of a peer that are over, or never were what a beacon made of them.
type boots struct {
	ring  [pastBoots]uint32
	n     int // how many were ever added
	wrong int // in a row
	doubt time.Time
}

func (b *boots) known() []uint32 { return b.ring[:min(b.n, pastBoots)] }

// disproved reports whether a beacon's boot counts for nothing. One that would end a session is doubted for a while
// when many before it proved wrong.
func (b *boots) disproved(boot uint32, now time.Time, ends bool) bool {
	return slices.Contains(b.known(), boot) || ends && now.Before(b.doubt)
}

// over notes that a boot is not the peer's, or not any more.
func (b *boots) over(boot uint32) {
	if !slices.Contains(b.known(), boot) {
		b.ring[b.n%pastBoots] = boot
		b.n++
	}
}

// wrongly notes that a session lived on although a beacon named this boot.
func (b *boots) wrongly(boot uint32, now time.Time) {
	b.over(boot)
	if b.wrong++; b.wrong > doubtAfter {
		b.doubt = now.Add(doubtFirst << min(b.wrong-doubtAfter, doubtLonger))
	}
}

// proved takes the boot of a session that now begins for true.
func (pa *path) proved(boot uint32, now time.Time) {
	if pa.peer.pairing {
		return
	}
	b := &pa.peer.past
	if i := slices.Index(b.known(), boot); i >= 0 {
		b.ring[i] = ^boot
	}
	same := pa.booted && pa.boot == boot
	if pa.stale && pa.claim != boot {
		b.wrongly(pa.claim, now)
	}
	if pa.booted && !same {
		b.over(pa.boot)
		b.wrong, b.doubt = 0, time.Time{}
	}
	pa.booted, pa.boot, pa.seen = true, boot, pa.seen && same
}

// alive is called for a control frame under the current session: its peer did not start anew.
func (pa *path) alive(now time.Time) {
	if pa.stale {
		pa.stale = false
		pa.peer.past.wrongly(pa.claim, now)
	}
}

func (c *Core) appendBoot(b []byte) []byte { return binary.BigEndian.AppendUint32(b, c.boot) }
