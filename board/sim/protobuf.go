package sim

import "encoding/binary"

// As much of protocol buffers as a simulated Meshtastic node needs (protobuf.dev, "Encoding").

// protoField is one field: its number, and its value or its octets.
type protoField struct {
	number uint64
	value  uint64
	octets []byte
}

// protoFields takes a message apart; false where it is malformed.
func protoFields(b []byte) (out []protoField, ok bool) {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, false
		}
		b = b[n:]
		f := protoField{number: key >> 3}
		size := 0
		switch key & 7 {
		case 0:
			f.value, size = binary.Uvarint(b)
		case 1:
			size = 8
		case 5:
			size = 4
			if len(b) >= size {
				f.value = uint64(binary.LittleEndian.Uint32(b))
			}
		case 2:
			most, n := binary.Uvarint(b)
			if n <= 0 || most > uint64(len(b)-n) {
				return nil, false
			}
			f.octets, size = b[n:n+int(most)], n+int(most)
		}
		if size <= 0 || size > len(b) {
			return nil, false
		}
		out, b = append(out, f), b[size:]
	}
	return out, true
}

// proto is a message under construction.
type proto []byte

func (p proto) varint(number int, v uint64) proto {
	return binary.AppendUvarint(binary.AppendUvarint(p, uint64(number)<<3), v)
}

func (p proto) flag(number int, v bool) proto {
	if !v {
		return p // as nanopb does with what is false
	}
	return p.varint(number, 1)
}

func (p proto) fixed32(number int, v uint32) proto {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(p, uint64(number)<<3|5), v)
}

func (p proto) octets(number int, b []byte) proto {
	return append(binary.AppendUvarint(binary.AppendUvarint(p, uint64(number)<<3|2), uint64(len(b))), b...)
}
