package radio

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// The saved form, big endian:
//
//	octets  field
//	1       version, 2
//	1       flags: bit 0 = the wall clock was trusted
//	8       wall clock of the save, Unix milliseconds
//	16      boot, and
//	8       time since it, milliseconds; zero: not known
//	1       bands, each:
//	  1       length of the name
//	  n       name
//	  4       reserved airtime not yet spent, microseconds
//	  2       spends, oldest first, each:
//	    4       age of the end at the save, milliseconds, rounded down; signed, for what a modem still held
//	    4       airtime, microseconds
const (
	ledgerVersion    = 2
	ledgerHeader     = 1 + 1 + 8 + 16 + 8 + 1
	ledgerBandFixed  = 1 + 4 + 2
	ledgerSpend      = 4 + 4
	ledgerClockKnown = 1 << 0
	savedMerge       = time.Minute // coarser than in memory: at most 61 spends a band
)

// ErrLedger means that a saved ledger is damaged or was lost. The owner must then count the
// hour as used (Fill): a lost ledger earns no airtime.
var ErrLedger = errors.New("radio: the saved airtime ledger is damaged or older than what was sent; the last hour counts as used")

// LostLedger is saved in place of a ledger that does not know what was sent last, such as one from a backup:
// LoadLedger answers ErrLedger.
func LostLedger() []byte { return []byte{0} }

// Marshal is the ledger for the disk. stamp is what the machine knows of now: where it does not tell how much time
// has passed, the next Load counts everything from then on.
func (l *Ledger) Marshal(now time.Time, stamp Stamp) []byte {
	for i := range l.bands {
		l.bands[i].expire(now)
	}
	b := appendStamp([]byte{ledgerVersion}, stamp)
	b = append(b, byte(len(l.bands)))
	for _, d := range l.sorted() {
		b = append(append(b, byte(len(d.name))), d.name...)
		b = binary.BigEndian.AppendUint32(b, micros(d.reserved))
		coarse := band{}
		for _, s := range d.spends {
			coarse.add(s, savedMerge)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(coarse.spends)))
		for _, s := range coarse.spends {
			b = binary.BigEndian.AppendUint32(b, uint32(savedAge(now.Sub(s.end))))
			b = binary.BigEndian.AppendUint32(b, micros(s.air))
		}
	}
	return b
}

func appendStamp(b []byte, s Stamp) []byte {
	var flags byte
	if s.Known {
		flags |= ledgerClockKnown
	}
	b = binary.BigEndian.AppendUint64(append(b, flags), uint64(s.Wall.UnixMilli()))
	b = append(b, s.Boot[:]...)
	return binary.BigEndian.AppendUint64(b, uint64((s.Up + time.Millisecond - 1).Milliseconds()))
}

func readStamp(b []byte) Stamp {
	return Stamp{Known: b[0]&ledgerClockKnown != 0, Wall: time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:]))),
		Boot: [16]byte(b[9:25]), Up: time.Duration(binary.BigEndian.Uint64(b[25:])&(1<<43-1)) * time.Millisecond}
}

// floorMillis rounds towards the past of an end: it counts longer, never shorter.
func floorMillis(d time.Duration) int64 {
	ms := d.Milliseconds()
	if d < 0 && d%time.Millisecond != 0 {
		ms--
	}
	return ms
}

// savedAge keeps an end that is farther away than the field holds from turning into one of the past.
func savedAge(d time.Duration) int32 {
	return int32(max(math.MinInt32, min(floorMillis(d), math.MaxInt32)))
}

func micros(d time.Duration) uint32 { return uint32(min(d.Microseconds(), math.MaxUint32)) }

// LoadLedger reads what Marshal wrote. Reserved airtime counts as spent now. If
// nobody knows how much time has passed, or it has run backwards, all of it does.
func LoadLedger(b []byte, now time.Time, stamp Stamp) (*Ledger, error) {
	if len(b) < ledgerHeader || b[0] != ledgerVersion {
		return nil, ErrLedger
	}
	gap, trusted := stamp.since(readStamp(b[1:]))
	l, bands := NewLedger(), int(b[ledgerHeader-1])
	if bands > maxBands {
		return nil, ErrLedger
	}
	for b = b[ledgerHeader:]; bands > 0; bands-- {
		var d band
		var ok bool
		if d, b, ok = parseBand(b, now, gap, trusted); !ok {
			return nil, ErrLedger
		}
		if n := len(l.bands); n > 0 && l.bands[n-1].name >= d.name {
			return nil, ErrLedger // Marshal sorts
		}
		l.bands = append(l.bands, d)
	}
	if len(b) != 0 {
		return nil, ErrLedger
	}
	return l, nil
}

func parseBand(b []byte, now time.Time, gap time.Duration, trusted bool) (d band, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < int(b[0])+ledgerBandFixed {
		return d, nil, false
	}
	n := int(b[0])
	d.name, b = string(b[1:1+n]), b[1+n:]
	reserved, spends := readMicros(b), int(binary.BigEndian.Uint16(b[4:]))
	b = b[6:]
	if len(b) < spends*ledgerSpend {
		return d, nil, false
	}
	for ; spends > 0; spends-- {
		end := now
		if trusted {
			age := time.Duration(int32(binary.BigEndian.Uint32(b))) * time.Millisecond
			end = now.Add(-age - min(gap, 2*time.Hour))
		}
		d.add(spend{start: end, end: end, air: readMicros(b[4:])}, 0)
		b = b[ledgerSpend:]
	}
	if reserved > 0 {
		d.add(spend{start: now, end: now, air: reserved}, 0)
	}
	return d, b, true
}

func readMicros(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Microsecond
}
