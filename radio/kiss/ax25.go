package kiss

import (
	"fmt"
	"strconv"
	"strings"
)

// An AX.25 UI frame as a TNC takes and gives it, without flags and checksum (AX.25 2.2, sections 3 and 4.3.3.6):
//
//	octets  field
//	7       destination: six characters shifted left by one, padded with spaces; then C RR SSID(4) 0
//	7       source: the same, and the lowest bit says that no address follows
//	1       control 03
//	1       protocol F0: none of the known ones
//	1..256  information
const (
	addressLen = 7
	headerLen  = 2*addressLen + 2
	maxInfo    = 256
	control    = 0x03
	protocol   = 0xF0

	lastAddress = 0x01
	reserved    = 0x60
	command     = 0x80 // C bit of the destination; that of the source is then 0
)

// address is a callsign and an SSID, as on the air, with its last octet holding the SSID alone.
type address [addressLen]byte

// parseAddress takes "AB1CDE" or "AB1CDE-7".
func parseAddress(text string) (a address, err error) {
	call, suffix, dashed := strings.Cut(strings.ToUpper(text), "-")
	ssid := uint64(0)
	if dashed {
		ssid, err = strconv.ParseUint(suffix, 10, 4)
		if err != nil || strconv.FormatUint(ssid, 10) != suffix {
			return a, badAddress(text)
		}
	}
	if len(call) < 1 || len(call) > addressLen-1 {
		return a, badAddress(text)
	}
	for i := range addressLen - 1 {
		c := byte(' ')
		if i < len(call) {
			c = call[i]
			if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
				return a, badAddress(text)
			}
		}
		a[i] = c << 1
	}
	a[addressLen-1] = byte(ssid) << 1
	return a, nil
}

func badAddress(text string) error {
	return fmt.Errorf("kiss: callsign %q: give 1 to 6 letters and digits, and perhaps -1 to -15 after them", text)
}

// appendUI appends the frame that carries info.
func appendUI(dst []byte, to, from address, info []byte) []byte {
	dst = append(dst, to[:]...)
	dst[len(dst)-1] |= command | reserved
	dst = append(dst, from[:]...)
	dst[len(dst)-1] |= reserved | lastAddress
	return append(append(dst, control, protocol), info...)
}

// parseUI returns the information of a UI frame to this address that came directly. ok is false for all other traffic.
func parseUI(frame []byte, to address) (info []byte, ok bool) {
	if len(frame) <= headerLen || len(frame) > headerLen+maxInfo {
		return nil, false
	}
	const ssid = 0x1E
	last := addressLen - 1
	switch {
	case [addressLen - 1]byte(frame[:last]) != [addressLen - 1]byte(to[:last]), frame[last]&ssid != to[last]:
		return nil, false // to somebody else
	case frame[last]&lastAddress != 0, frame[2*addressLen-1]&lastAddress == 0:
		return nil, false // no source, or digipeaters
	case frame[headerLen-2] != control || frame[headerLen-1] != protocol:
		return nil, false
	}
	return frame[headerLen:], true
}

// HDLC adds a flag at both ends, a checksum of 16 bits, and a 0 after five 1 of everything between the flags (AX.25 2.2,
// sections 3.1 to 3.9).
const (
	flagBits = 2 * 8
	fcsLen   = 2
)

// bits is the number of bits of a frame on the air.
func bits(frame []byte) int {
	fcs := checksum(frame)
	s := &stuffing{bits: flagBits}
	for _, b := range frame {
		s.octet(b)
	}
	s.octet(byte(fcs))
	s.octet(byte(fcs >> 8))
	return s.bits
}

// stuffing counts bits, which leave from the lowest on.
type stuffing struct{ bits, ones int }

func (s *stuffing) octet(b byte) {
	for i := range 8 {
		s.bits++
		if b>>i&1 == 0 {
			s.ones = 0
			continue
		}
		if s.ones++; s.ones == 5 {
			s.bits, s.ones = s.bits+1, 0
		}
	}
}

// checksum is the CRC-16/X.25 of HDLC.
func checksum(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, v := range b {
		crc ^= uint16(v)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low != 0 {
				crc ^= 0x8408
			}
		}
	}
	return ^crc
}
