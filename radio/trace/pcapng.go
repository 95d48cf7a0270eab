// Package trace records what a radio sends and receives, as pcapng files with LoRaTap headers, which Wireshark and tshark
// open.
package trace

import (
	"encoding/binary"
	"io"
	"time"
)

// Link types of pcapng interfaces (tcpdump.org, link-layer header types).
const (
	linkLoRaTap = 270
)

const (
	blockSection   = 0x0A0D0D0A
	blockInterface = 1
	blockPacket    = 6

	optEnd     = 0
	optComment = 1
	optName    = 2 // of an interface
	optAppl    = 4 // of a section
	optFlags   = 2 // of a packet
	optTsResol = 9

	nanoseconds = 9 // 10^-9 s
	maxComment  = 200
)

// direction is the first two bits of a packet's flags.
type direction uint32

const (
	inbound  direction = 1
	outbound direction = 2
)

// pcapng writes blocks (draft-ietf-opsawg-pcapng), little endian. It keeps no state.
type pcapng struct{ w io.Writer }

// section begins a file.
func (p pcapng) section(application string) error {
	b := binary.LittleEndian.AppendUint32(nil, 0x1A2B3C4D)
	b = append(b, 1, 0, 0, 0)                                     // version 1.0
	b = append(b, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF) // length unknown
	return p.block(blockSection, option(b, optAppl, []byte(application)))
}

// device declares the next interface of the section; they count from 0.
func (p pcapng) device(name string, linkType uint16) error {
	b := binary.LittleEndian.AppendUint16(nil, linkType)
	b = append(b, 0, 0, 0, 0, 0, 0) // reserved; no limit to the length
	b = option(b, optName, []byte(name))
	return p.block(blockInterface, option(b, optTsResol, []byte{nanoseconds}))
}

// packet records one packet of a device.
func (p pcapng) packet(device uint32, at time.Time, dir direction, comment string, data []byte) error {
	ns := uint64(at.UnixNano())
	b := binary.LittleEndian.AppendUint32(nil, device)
	b = binary.LittleEndian.AppendUint32(b, uint32(ns>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = pad(append(b, data...))
	b = option(b, optFlags, binary.LittleEndian.AppendUint32(nil, uint32(dir)))
	if comment != "" {
		b = option(b, optComment, []byte(comment[:min(len(comment), maxComment)]))
	}
	return p.block(blockPacket, b)
}

// block closes the options and writes a block in one piece.
func (p pcapng) block(kind uint32, body []byte) error {
	body = binary.LittleEndian.AppendUint32(body, optEnd)
	length := uint32(len(body) + 12)
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, length)
	b = append(b, body...)
	_, err := p.w.Write(binary.LittleEndian.AppendUint32(b, length))
	return err
}

func option(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...))
}

// pad fills up to a multiple of four octets. What comes before b is one already.
func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
