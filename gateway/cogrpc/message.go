package cogrpc

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// message is CargoDelivery { string id = 1; bytes cargo = 2; }, and CargoDeliveryAck, which has no cargo.
type message struct {
	id    string
	cargo []byte
}

const (
	fieldID    protowire.Number = 1
	fieldCargo protowire.Number = 2
)

var errMessage = errors.New("cogrpc: not a message of CargoRelay")

// head encodes all of a message but the octets of its cargo, which come last.
func (m *message) head() []byte {
	b := protowire.AppendTag(nil, fieldID, protowire.BytesType)
	b = protowire.AppendString(b, m.id)
	if len(m.cargo) > 0 {
		b = protowire.AppendTag(b, fieldCargo, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(len(m.cargo)))
	}
	return b
}

// parse decodes a message; its cargo is part of b. Fields of other numbers or types are passed over.
func (m *message) parse(b []byte) error {
	*m = message{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMessage
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return errMessage
		}
		if typ == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b)
			if err := m.set(num, value); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

func (m *message) set(num protowire.Number, value []byte) error {
	switch num {
	case fieldID:
		if len(value) > maxID || !utf8.Valid(value) {
			return errMessage
		}
		m.id = string(value)
	case fieldCargo:
		m.cargo = value
	}
	return nil
}

// codec is the encoding of both messages. Code made by protoc would bring the whole of protobuf's reflection.
type codec struct{}

var _ encoding.CodecV2 = codec{}

// Name is part of the content type.
func (codec) Name() string { return "proto" }

// Marshal does not copy the cargo.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	m, ok := v.(*message)
	if !ok {
		return nil, fmt.Errorf("cogrpc: %T is not a message", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(m.head()), mem.SliceBuffer(m.cargo)}, nil
}

// Unmarshal copies once: what gRPC received in pieces becomes one.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*message)
	if !ok {
		return fmt.Errorf("cogrpc: %T is not a message", v)
	}
	return m.parse(data.Materialize())
}
