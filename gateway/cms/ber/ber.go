// Package ber reads ASN.1 in BER (ITU-T X.690) as the CMS values of Awala use it, and writes
// DER. Pure; meant for hostile input.
//
// Reading is lazy: an Element is a view of the input, its children are read when asked for.
// Definite and indefinite lengths and constructed strings are understood. Nothing is ever allocated by
// a length that the input only claims; depth, lengths and the number of elements are bounded, so that
// the work stays linear in the size of the input.
//
// Unlike DER, lengths need not be minimal. Tag numbers must be, as X.690 section 8.1.2.4 says. The
// reserved universal tag 0 is only an end of contents, never an element.
package ber

import (
	"errors"
	"fmt"
)

// Limits of one document.
const (
	MaxDepth    = 32
	MaxElements = 1 << 18 // headers read, again counted when read again
	MaxSize     = 1 << 30 // octets; keeps lengths in 32 bits
)

// Tag is an ASN.1 tag: the class in the upper, the number in the lower half.
type Tag uint64

// Universal tags.
const (
	Integer          Tag = 2
	BitString        Tag = 3
	OctetString      Tag = 4
	Null             Tag = 5
	ObjectIdentifier Tag = 6
	Sequence         Tag = 16
	Set              Tag = 17
)

// Context is the context-specific tag n.
func Context(n uint32) Tag { return 2<<32 | Tag(n) }

// String writes "[2]" for context tags, "universal 16" for others.
func (t Tag) String() string {
	n := uint32(t)
	switch t >> 32 {
	case 0:
		return fmt.Sprintf("universal %d", n)
	case 1:
		return fmt.Sprintf("application %d", n)
	case 2:
		return fmt.Sprintf("[%d]", n)
	}
	return fmt.Sprintf("private %d", n)
}

// Element is one tag-length-value: a view of the input, which must not change while it is used.
type Element struct {
	Tag         Tag
	Constructed bool
	Indefinite  bool
	Raw         []byte // from the identifier to the end, end of contents included
	Content     []byte // without header and end of contents

	doc   *document
	depth int
}

// document is the budget that all elements of one input share.
type document struct{ left int }

// Parse reads the one element that b is; nothing may follow it.
func Parse(b []byte) (Element, error) {
	if len(b) > MaxSize {
		return Element{}, fmt.Errorf("ber: %d octets are more than %d", len(b), MaxSize)
	}
	r := Reader{rest: b, doc: &document{left: MaxElements}, depth: 1}
	e, ok := r.Next()
	if !ok && r.err == nil {
		r.err = errors.New("ber: nothing to read")
	}
	return e, r.End()
}

// Reader returns a reader of the element's children. For a primitive element it fails at once.
func (e Element) Reader() *Reader {
	r := &Reader{rest: e.Content, doc: e.doc, depth: e.depth + 1}
	switch {
	case !e.Constructed:
		r.err = fmt.Errorf("ber: %v is primitive, not constructed", e.Tag)
	case r.depth > MaxDepth:
		r.err = fmt.Errorf("ber: nested deeper than %d", MaxDepth)
	}
	return r
}

// Octets returns the value of a string: the content itself when it is in one piece, else a
// fresh slice of the joined pieces. Pieces are OCTET STRINGs whatever the tag of the whole (X.690 section
// 8.14.3, 8.23.6).
func (e Element) Octets() ([]byte, error) {
	if !e.Constructed {
		return e.Content, nil
	}
	pieces, err := e.pieces(nil)
	if err != nil {
		return nil, err
	}
	if len(pieces) == 1 {
		return pieces[0], nil
	}
	return Pieces(pieces).Join(), nil
}

// pieces appends the primitive strings below e in order.
func (e Element) pieces(to [][]byte) ([][]byte, error) {
	r := e.Reader()
	for !r.Empty() {
		p := r.Take(OctetString)
		if r.err != nil {
			break
		}
		if !p.Constructed {
			to = append(to, p.Content)
			continue
		}
		var err error
		if to, err = p.pieces(to); err != nil {
			return nil, err
		}
	}
	return to, r.End()
}

// Uint reads a primitive INTEGER from 0 to 2^31-1, of any tag.
func (e Element) Uint() (int, error) {
	if e.Constructed || len(e.Content) == 0 {
		return 0, fmt.Errorf("ber: %v is not an integer", e.Tag)
	}
	if e.Content[0] >= 0x80 {
		return 0, errors.New("ber: negative integer")
	}
	n := 0
	for _, b := range e.Content {
		if n > 1<<23-1 {
			return 0, errors.New("ber: integer is too large")
		}
		n = n<<8 | int(b)
	}
	return n, nil
}
