package wire

import "encoding/binary"

// Octets of a whole frame; a record adds its length.
const (
	BeaconSize     = 1 + ShortSize + 4 + 2 + MACSize // 23
	QuerySize      = 1 + ShortSize + MACSize         // 17
	RecordOverhead = 1 + MACSize                     // 9
	MaxRecord      = 200
)

// Beacon says that a gateway is near, in one boot of its life.
//
//	0  1  type; in the low nibble bit 3: an emergency waits here, bits 0 to 2: clock quality
//	1  8  short id
//	9  4  boot: random, anew at each start
//	13 2  sequence within the boot
//	15 8  MAC over 0..14
type Beacon struct {
	Short [ShortSize]byte
	Boot  uint32
	Seq   uint16
	// Urgent asks all who hear it for short bursts.
	Urgent bool
	// Clock is how far the gateway trusts its wall clock, 0 (not at all) to 7.
	Clock uint8
}

const (
	beaconUrgent = 0x08
	beaconClock  = 0x07
)

// AppendBeacon appends the frame without its MAC.
func AppendBeacon(b []byte, f Beacon) []byte {
	first := byte(TypeBeacon)<<4 | f.Clock&beaconClock
	if f.Urgent {
		first |= beaconUrgent
	}
	b = append(b, first)
	b = append(b, f.Short[:]...)
	b = binary.BigEndian.AppendUint32(b, f.Boot)
	return binary.BigEndian.AppendUint16(b, f.Seq)
}

// ParseBeacon reads a whole frame; the MAC is checked with SplitMAC.
func ParseBeacon(b []byte) (f Beacon, err error) {
	if len(b) != BeaconSize || TypeOf(b) != TypeBeacon {
		return f, ErrFrame
	}
	f.Urgent, f.Clock = b[0]&beaconUrgent != 0, b[0]&beaconClock
	copy(f.Short[:], b[1:])
	f.Boot = binary.BigEndian.Uint32(b[9:])
	f.Seq = binary.BigEndian.Uint16(b[13:])
	return f, nil
}

// AppendQuery appends a query without its MAC: who is the gateway of this short id?
//
//	0 1 type
//	1 8 short id
//	9 8 MAC over 0..8
func AppendQuery(b []byte, short [ShortSize]byte) []byte {
	return append(append(b, byte(TypeQuery)<<4), short[:]...)
}

// ParseQuery reads a whole frame.
func ParseQuery(b []byte) (short [ShortSize]byte, err error) {
	if len(b) != QuerySize || !plain(b, TypeQuery, QuerySize) {
		return short, ErrFrame
	}
	copy(short[:], b[1:])
	return short, nil
}

// AppendRecord appends a membership record without its MAC.
//
//	0   1 type
//	1   n record, 1..200
//	1+n 8 MAC over 0..n
func AppendRecord(b, record []byte) []byte {
	return append(append(b, byte(TypeRecord)<<4), record...)
}

// ParseRecord returns the record inside a whole frame, borrowed.
func ParseRecord(b []byte) ([]byte, error) {
	n := len(b) - RecordOverhead
	if n < 1 || n > MaxRecord || !plain(b, TypeRecord, RecordOverhead) {
		return nil, ErrFrame
	}
	return b[1 : 1+n], nil
}

// SplitMAC parts a beacon, query or record frame into what the MAC covers and the MAC.
func SplitMAC(b []byte) (covered, mac []byte) {
	if len(b) < MACSize {
		return nil, nil
	}
	n := len(b) - MACSize
	return b[:n], b[n:]
}
