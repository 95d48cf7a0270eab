package ber

import (
	"errors"
	"fmt"
)

// Reader reads elements one after the other. The first error sticks: later calls return zero
// values, and End reports it, so a structure can be read without a check after each step.
type Reader struct {
	rest  []byte
	doc   *document
	depth int
	err   error
}

// Empty says that nothing is left, or nothing that could be read.
func (r *Reader) Empty() bool { return r.err != nil || len(r.rest) == 0 }

// Err is the first error.
func (r *Reader) Err() error { return r.err }

// End returns the first error, or one if anything is left.
func (r *Reader) End() error {
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("ber: %d octets follow the last expected element", len(r.rest))
	}
	return r.err
}

// Next reads whatever element comes next; ok is false at the end or after an error.
func (r *Reader) Next() (e Element, ok bool) {
	if r.Empty() {
		return Element{}, false
	}
	h, err := r.header(r.rest)
	if err == nil && h.isEnd() {
		err = errors.New("ber: end of contents in an element of definite length")
	}
	if err != nil {
		r.err = err
		return Element{}, false
	}
	e = Element{Tag: h.tag, Constructed: h.constructed, Indefinite: h.indefinite, doc: r.doc, depth: r.depth}
	size := h.size + h.length
	if h.indefinite {
		if h.length, err = r.indefiniteLength(r.rest[h.size:]); err != nil {
			r.err = err
			return Element{}, false
		}
		size = h.size + h.length + 2
	}
	if size > len(r.rest) {
		r.err = errShort
		return Element{}, false
	}
	e.Raw = r.rest[:size:size]
	e.Content = r.rest[h.size : h.size+h.length : h.size+h.length]
	r.rest = r.rest[size:]
	return e, true
}

// Take reads the next element, which must have this tag.
func (r *Reader) Take(t Tag) Element {
	e, ok := r.Next()
	switch {
	case r.err != nil:
	case !ok:
		r.err = fmt.Errorf("ber: %v is missing", t)
	case e.Tag != t:
		r.err = fmt.Errorf("ber: found %v, want %v", e.Tag, t)
	default:
		return e
	}
	return Element{}
}

// Maybe reads the next element if it has this tag.
func (r *Reader) Maybe(t Tag) (Element, bool) {
	if r.Empty() {
		return Element{}, false
	}
	h, err := readHeader(r.rest)
	if err != nil || h.tag != t {
		return Element{}, false
	}
	return r.Next()
}

// Enter reads the next element, which must have this tag, and returns a reader of its children.
// An error already found goes on in that reader.
func (r *Reader) Enter(t Tag) *Reader {
	e := r.Take(t)
	if r.err != nil {
		return &Reader{err: r.err}
	}
	return e.Reader()
}

// header reads one header and pays for it.
func (r *Reader) header(b []byte) (header, error) {
	if r.doc.left == 0 {
		return header{}, fmt.Errorf("ber: more than %d elements", MaxElements)
	}
	r.doc.left--
	return readHeader(b)
}

// indefiniteLength finds the end of contents that closes b and returns how much comes before.
func (r *Reader) indefiniteLength(b []byte) (int, error) {
	open, at := 1, 0
	for {
		h, err := r.header(b[at:])
		if err != nil {
			return 0, err
		}
		switch {
		case h.isEnd():
			if open--; open == 0 {
				return at, nil
			}
		case h.indefinite:
			if open++; r.depth+open > MaxDepth+1 {
				return 0, fmt.Errorf("ber: nested deeper than %d", MaxDepth)
			}
		case h.length > len(b)-at-h.size:
			return 0, errShort
		}
		at += h.size + h.length
	}
}
