package bundle

import (
	"encoding/binary"
)

// Item is one thing in a bundle; what kinds there are and how large bodies may be is the gateway's matter.
type Item struct {
	Kind     uint8
	Priority uint8
	Hands    uint16 // how many hands it will have been in once the recipient has it
	Body     []byte
}

// Size is what an item takes in a bundle.
func (i Item) Size() int { return itemHead + len(i.Body) }

func (i Item) append(b []byte) []byte {
	b = append(b, i.Kind, i.Priority)
	b = binary.BigEndian.AppendUint16(b, i.Hands)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(i.Body))), i.Body...)
}

// parseItems reads items to the end of the data; bodies refer to it.
func parseItems(b []byte) (items []Item, err error) {
	for len(b) > 0 {
		if len(b) < itemHead {
			return nil, ErrDamaged
		}
		n := binary.BigEndian.Uint32(b[4:])
		if uint64(n) > uint64(len(b)-itemHead) {
			return nil, ErrDamaged
		}
		end := itemHead + int(n)
		items = append(items, Item{Kind: b[0], Priority: b[1], Hands: binary.BigEndian.Uint16(b[2:]), Body: b[itemHead:end:end]})
		if b = b[end:]; len(items) > MaxItems+maxExtra {
			return nil, ErrDamaged
		}
	}
	return items, nil
}

// maxExtra is how many items may stand beside those that the manifest names: adverts, acknowledgements.
const maxExtra = 256
