// Package stream frames octets for transparent radios: those that pass on a stream which they cut, join, damage and
// lose parts of at will. It is pure: append and parse, no clock, no port.
//
//	octets  field
//	1       delimiter, 2B ('+')
//	n+5     payload and its CRC-32C (little endian), stuffed; n+6 from 251 octets of payload on, and so forth
//	1       delimiter, 2B
//
// Stuffing is COBS (Cheshire and Baker, 1999) over octets exclusive-or 2B: what it keeps out of the body is not zero but
// '+'. With a delimiter at both ends no two frames can put more than two '+' next to each other, whatever they carry and
// wherever a host may pause. So nothing of ours is the escape sequence "+++" by which modems of the Hayes kind
// leave transparent mode. Either delimiter alone ends and begins a frame: loss of one harms no other frame.
package stream

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	// Delimiter stands before and after each frame, and nowhere in it.
	Delimiter = '+'

	checksum = 4
	block    = 254 // octets that one code octet of COBS can span
)

// Overhead is by how many octets a frame is longer than its payload of n octets, at most: 7 up to 250 octets. It is what
// a driver adds to Overhead of a phy.Modulation.
func Overhead(n int) int { return 2 + checksum + 1 + (n+checksum-1)/block }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append appends the frame that carries payload to dst.
func Append(dst, payload []byte) []byte {
	var sum [checksum]byte
	binary.LittleEndian.PutUint32(sum[:], crc32.Checksum(payload, castagnoli))
	s := stuffer{dst: append(dst, Delimiter)}
	s.open()
	for _, b := range payload {
		s.add(b)
	}
	for _, b := range sum {
		s.add(b)
	}
	s.close()
	return append(s.dst, Delimiter)
}

// stuffer writes COBS. Each block is a code octet, one more than the octets that follow it; between blocks stands a
// Delimiter that is left out, unless the block is full.
type stuffer struct {
	dst  []byte
	code int // where the code of the open block goes
	full bool
}

func (s *stuffer) open() {
	s.code, s.full = len(s.dst), false
	s.dst = append(s.dst, 0)
}

func (s *stuffer) close() { s.dst[s.code] = byte(len(s.dst)-s.code) ^ Delimiter }

func (s *stuffer) add(b byte) {
	if s.full {
		s.open()
	}
	if b != Delimiter {
		s.dst = append(s.dst, b)
	}
	if b == Delimiter || len(s.dst)-s.code == block+1 {
		s.close()
		s.full = b != Delimiter
	}
	if b == Delimiter {
		s.open()
	}
}
