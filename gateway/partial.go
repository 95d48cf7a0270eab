package gateway

import (
	"encoding/binary"
	"fmt"
	"time"

	"packhorse/link"
)

// partialRecord keeps the symbols received of one block of one transfer.
//
//	octets  field
//	1       version, 2
//	1       kind of the item
//	1       priority
//	16      digest
//	4       octets of the body
//	4       lifetime, seconds
//	2       cost
//	4       block
//	32      neighbour that brought it, zero: not known; version 1 has none
//	32      bitmap of the symbols held
//	4 + n   symbols, rising
type partialRecord struct {
	Item    link.Item
	Block   int
	From    link.PeerID
	Have    [32]byte
	Symbols []byte
}

const (
	partialVersion    = 2
	maxPartialSymbols = 256 * 256
)

func (r *partialRecord) key() string { return fmt.Sprintf("%s/%d", digestKey(r.Item.Digest), r.Block) }

func (r *partialRecord) append(b []byte) []byte {
	b = append(b, partialVersion, r.Item.Kind, byte(r.Item.Priority))
	b = append(b, r.Item.Digest[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Item.Size))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Item.Lifetime/time.Second))
	b = binary.BigEndian.AppendUint16(b, r.Item.Cost)
	b = binary.BigEndian.AppendUint32(b, uint32(r.Block))
	b = append(b, r.From[:]...)
	b = append(b, r.Have[:]...)
	return appendCounted(b, r.Symbols)
}

func parsePartialRecord(b []byte) (partialRecord, error) {
	var r partialRecord
	o := octets{b: b}
	version := o.u8()
	r.Item.Kind, r.Item.Priority = o.u8(), link.Priority(o.u8())
	o.fill(r.Item.Digest[:])
	r.Item.Size = int(o.u32())
	r.Item.Lifetime = time.Duration(o.u32()) * time.Second
	r.Item.Cost = o.u16()
	r.Block = int(o.u32())
	if version > 1 {
		o.fill(r.From[:])
	}
	o.fill(r.Have[:])
	r.Symbols = o.counted(maxPartialSymbols)
	if version < 1 || version > partialVersion || r.Item.Size < 0 || r.Item.Size > maxBody(r.Item.Kind) || r.Item.Priority > link.Bulk || r.Block < 0 {
		return partialRecord{}, errOctets
	}
	return r, o.end()
}
