package ber

import (
	"errors"
	"fmt"
)

var errShort = errors.New("ber: input ends early")

// header is an identifier and a length.
type header struct {
	tag         Tag
	constructed bool
	indefinite  bool
	size        int // of the header
	length      int // of the content; 0 when indefinite
}

// isEnd says whether h is an end of contents.
func (h header) isEnd() bool { return h.tag == 0 && !h.constructed && h.length == 0 && h.size == 2 }

// readHeader reads the header at the start of b. The content need not be there in full.
func readHeader(b []byte) (h header, err error) {
	if err = h.readTag(b); err != nil {
		return h, err
	}
	if err = h.readLength(b); err != nil {
		return h, err
	}
	if h.tag == 0 && !h.isEnd() {
		return h, errors.New("ber: universal tag 0 is reserved")
	}
	return h, nil
}

func (h *header) readTag(b []byte) error {
	if len(b) == 0 {
		return errShort
	}
	h.constructed = b[0]&0x20 != 0
	h.size = 1
	number := uint64(b[0] & 0x1f)
	if number == 0x1f {
		number = 0
		for more := true; more; h.size++ {
			if h.size == len(b) {
				return errShort
			}
			o := b[h.size]
			number, more = number<<7|uint64(o&0x7f), o&0x80 != 0
			if o == 0x80 && h.size == 1 || number >= 1<<31 {
				return errors.New("ber: tag number is padded or too large")
			}
		}
		if number < 0x1f {
			return errors.New("ber: tag number is padded")
		}
	}
	h.tag = Tag(b[0]>>6)<<32 | Tag(number)
	return nil
}

func (h *header) readLength(b []byte) error {
	if h.size == len(b) {
		return errShort
	}
	first := b[h.size]
	h.size++
	if first < 0x80 {
		h.length = int(first)
		return nil
	}
	if first == 0x80 {
		h.indefinite = true
		if !h.constructed {
			return errors.New("ber: primitive element of indefinite length")
		}
		return nil
	}
	n := int(first & 0x7f)
	if n > len(b)-h.size {
		return errShort
	}
	length := uint64(0)
	for _, o := range b[h.size : h.size+n] {
		if length = length<<8 | uint64(o); length > MaxSize {
			return fmt.Errorf("ber: length is more than %d", MaxSize)
		}
	}
	h.size, h.length = h.size+n, int(length)
	return nil
}
