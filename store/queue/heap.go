package queue

// heap is a binary heap of items by their number. The items know their places in it, so that one in the middle can
// be taken out.
type heap []uint32

// order is what a heap goes by.
type order struct {
	before func(a, b uint32) bool
	place  func(n uint32, at int) // notes where an item is
}

func (h *heap) push(o *order, n uint32) {
	*h = append(*h, n)
	h.up(o, len(*h)-1)
}

// remove takes out what is at a place.
func (h *heap) remove(o *order, at int) {
	last := len(*h) - 1
	moved := (*h)[last]
	*h = (*h)[:last]
	if at == last {
		return
	}
	(*h)[at] = moved
	if h.up(o, at) == at {
		h.down(o, at)
	}
}

// up moves an item towards the root and tells where it came to rest.
func (h *heap) up(o *order, at int) int {
	s := *h
	n := s[at]
	for at > 0 {
		parent := (at - 1) / 2
		if !o.before(n, s[parent]) {
			break
		}
		s[at] = s[parent]
		o.place(s[at], at)
		at = parent
	}
	s[at] = n
	o.place(n, at)
	return at
}

func (h *heap) down(o *order, at int) {
	s := *h
	n := s[at]
	for {
		child := 2*at + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && o.before(s[child+1], s[child]) {
			child++
		}
		if !o.before(s[child], n) {
			break
		}
		s[at] = s[child]
		o.place(s[at], at)
		at = child
	}
	s[at] = n
	o.place(n, at)
}
