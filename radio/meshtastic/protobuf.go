package meshtastic

import (
	"encoding/binary"
	"errors"
	"math"
)

// Wire types of protocol buffers (protobuf.dev, "Encoding").
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

var errMalformed = errors.New("meshtastic: malformed message")

// field is one field of a message.
type field struct {
	number int
	wire   int
	value  uint64 // of a varint, or of 32 or 64 bits
	bytes  []byte // of wireBytes; part of the message
}

// float is the value of a field of 32 bits.
func (f field) float() float64 { return float64(math.Float32frombits(uint32(f.value))) }

// int32 is the value of a varint that may be negative.
func (f field) int32() int32 { return int32(uint32(f.value)) }

// fields calls visit for each field of a message, and stops at the first error.
func fields(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29-1 {
			return errMalformed
		}
		f, rest, err := value(int(key>>3), int(key&7), b[n:])
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// value takes the value of a field off b.
func value(number, wire int, b []byte) (f field, rest []byte, err error) {
	f = field{number: number, wire: wire}
	switch {
	case wire == wireVarint:
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return f, nil, errMalformed
		}
		f.value = v
		return f, b[n:], nil
	case wire == wire32 && len(b) >= 4:
		f.value = uint64(binary.LittleEndian.Uint32(b))
		return f, b[4:], nil
	case wire == wire64 && len(b) >= 8:
		f.value = binary.LittleEndian.Uint64(b)
		return f, b[8:], nil
	case wire == wireBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return f, nil, errMalformed
		}
		f.bytes = b[n : n+int(size)]
		return f, b[n+int(size):], nil
	}
	return f, nil, errMalformed
}

func appendKey(dst []byte, number, wire int) []byte {
	return binary.AppendUvarint(dst, uint64(number)<<3|uint64(wire))
}

func appendVarint(dst []byte, number int, v uint64) []byte {
	return binary.AppendUvarint(appendKey(dst, number, wireVarint), v)
}

func append32(dst []byte, number int, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(appendKey(dst, number, wire32), v)
}

func appendBytes(dst []byte, number int, b []byte) []byte {
	dst = binary.AppendUvarint(appendKey(dst, number, wireBytes), uint64(len(b)))
	return append(dst, b...)
}
