package cargo

import "packhorse/gateway/cms/ber"

// Batch collects the items of one cargo up to a size. Not safe for concurrent use.
type Batch struct {
	limit, size, count int
	items              ber.Pieces
}

// NewBatch makes an empty set of at most limit octets; 0 or more than MaxSet means MaxSet.
func NewBatch(limit int) *Batch {
	if limit <= 0 || limit > MaxSet {
		limit = MaxSet
	}
	return &Batch{limit: limit, size: ItemOverhead}
}

// Add appends an item, which is borrowed until Marshal. False: it does not fit, the batch is as it was. An item
// that does not fit into an empty batch never will.
func (b *Batch) Add(item []byte) bool {
	size := b.size + ItemOverhead + len(item)
	if len(item) > MaxItem || size > b.limit || b.count == MaxItems {
		return false
	}
	b.items = append(b.items, ber.Bytes(0x04, item)...)
	b.size = size
	b.count++
	return true
}

// Len is how many items there are.
func (b *Batch) Len() int { return b.count }

// Marshal encodes the set in a fresh slice.
func (b *Batch) Marshal() []byte { return ber.Encode(0x30, b.items).Join() }
