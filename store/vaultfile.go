package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Sizes and bounds of a vault's file, in octets. The bounds on a slot's cost keep a doctored
// file from asking for gigabytes or hours: MaxMemory is what a board of 512 MiB can give.
const (
	vaultHeadSize = 32
	slotSize      = 100
	vaultTail     = 36
	maxSlots      = 4
	maxVault      = vaultHeadSize + maxSlots*slotSize + vaultTail

	maxTime    = 16
	maxThreads = 8
	maxMemory  = 256 << 10 // KiB
)

var vaultMagic = [8]byte{0x8e, 'P', 'H', 'V', 'A', 'U', 'L', 'T'}

const vaultVersion = 1

// vaultHead and slot are in the file as they are here, big endian.
type vaultHead struct {
	Magic   [8]byte
	Version uint8
	Phase   Phase
	Slots   uint8
	_       [5]byte
	ID      [16]byte
}

type slot struct {
	slotCost
	Salt    [16]byte
	Nonce   [24]byte
	Wrapped [48]byte
}

// slotCost is how a slot makes its wrapping key; all zero but Kind for key files.
type slotCost struct {
	Kind    KeyKind
	Threads uint8
	_       [2]byte
	Time    uint32 // passes
	Memory  uint32 // KiB
}

// vaultImage is a vault's file.
type vaultImage struct {
	vaultHead
	slots []slot
	mac   [32]byte // under the data key, over body
}

// body is everything before the MAC.
func (m *vaultImage) body() []byte {
	head := m.vaultHead
	head.Slots = uint8(len(m.slots))
	return encode(head, m.slots)
}

func (m *vaultImage) marshal() []byte {
	b := append(m.body(), m.mac[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (m *vaultImage) clone() vaultImage {
	next := *m
	next.slots = slices.Clone(m.slots)
	return next
}

// encode writes fixed-size values one after another.
func encode(v ...any) []byte {
	var b []byte
	for _, x := range v {
		b, _ = binary.Append(b, binary.BigEndian, x) // fails for types without a fixed size only
	}
	return b
}

// parseVault reads a file; its errors say what is wrong with it, not what to do.
func parseVault(b []byte) (*vaultImage, error) {
	m := &vaultImage{}
	if len(b) < vaultHeadSize+slotSize+vaultTail || len(b) > maxVault {
		return nil, fmt.Errorf("%d octets are no vault", len(b))
	}
	binary.Decode(b, binary.BigEndian, &m.vaultHead)
	if m.Magic != vaultMagic {
		return nil, errors.New("it does not begin as a vault does")
	}
	at := len(b) - 4
	if crc32.Checksum(b[:at], castagnoli) != binary.BigEndian.Uint32(b[at:]) {
		return nil, errors.New("its checksum is wrong")
	}
	if m.Version != vaultVersion {
		return nil, fmt.Errorf("it has version %d, this program reads %d: update the program", m.Version, vaultVersion)
	}
	if len(b) != vaultHeadSize+int(m.Slots)*slotSize+vaultTail {
		return nil, fmt.Errorf("%d octets do not hold %d slots", len(b), m.Slots)
	}
	m.slots = make([]slot, m.Slots)
	binary.Decode(b[vaultHeadSize:], binary.BigEndian, m.slots)
	copy(m.mac[:], b[at-32:])
	if !bytes.Equal(m.marshal(), b) || m.Phase > lastPhase {
		return nil, errors.New("it has fields that mean nothing")
	}
	return m, m.bounds()
}

// bounds refuses costs that no vault of ours has.
func (m *vaultImage) bounds() error {
	for i, s := range m.slots {
		switch {
		case s.Kind == KindKeyFile && s.slotCost == slotCost{Kind: KindKeyFile}:
		case s.Kind == KindPassphrase && s.Time >= 1 && s.Time <= maxTime && s.Threads >= 1 && s.Threads <= maxThreads &&
			s.Memory >= 8*uint32(s.Threads) && s.Memory <= maxMemory:
		default:
			return fmt.Errorf("slot %d asks for what is out of bounds", i)
		}
	}
	return nil
}
