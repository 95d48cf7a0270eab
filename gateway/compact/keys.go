package compact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// A parcel repeats the SHA-256 of each public key in it up to a dozen times: raw in key identifiers, in hex as
// node id, in UTF-16 hex in names. Form 2 takes all that out and says where it was:
//
//	uvarint          number of hashes, at most 16
//	  each uvarint   p > 0: SHA-256 of the public key at octet p-1 of the literals
//	                 0: the hash itself, 32 octets, follows
//	uvarint          number of places, at most 256, in rising order
//	  each uvarint   literal octets since the place before
//	       octet     4 * number of the hash + how it is written
//	rest             literals: the parcel without those places
const (
	maxHashes = 16
	maxPlaces = 256

	// How a hash is written.
	writtenRaw   = 0 // 32 octets
	writtenASCII = 1 // node id, 65 octets
	writtenBMP   = 2 // node id in UTF-16, 130 octets
	writings     = 3

	hashSize = sha256.Size
)

// rsaKey is what an RSA SubjectPublicKeyInfo has behind its outer 4 octets of tag and length.
const rsaKey = "\x30\x0d" + oidRSA + "\x05\x00\x03\x82"

// bmpID is the tag and length of a name with a node id, and its first digit.
const bmpID = "\x1e\x81\x82\x00\x30"

// write renders a hash.
func write(hash []byte, how int) []byte {
	id := append([]byte{'0'}, hex.EncodeToString(hash)...)
	switch how {
	case writtenRaw:
		return hash
	case writtenASCII:
		return id
	}
	wide := make([]byte, 2*len(id))
	for i, c := range id {
		wide[2*i+1] = c
	}
	return wide
}

// span is a part of the parcel.
type span struct{ from, to int }

// known is a hash and where its key is; key.to is 0 when the key is not in the parcel.
type known struct {
	hash []byte
	key  span
}

// place is one occurrence of a hash.
type place struct {
	span
	hash, how int
}

// takeKeys encodes form 2 before its compression; false when there is nothing to gain or the parcel cannot
// be rebuilt exactly.
func takeKeys(parcel []byte) ([]byte, bool) {
	hashes := findHashes(parcel)
	places := findPlaces(parcel, hashes)
	if len(places) == 0 {
		return nil, false
	}
	out := appendHashes(nil, hashes, places)
	out = binary.AppendUvarint(out, uint64(len(places)))
	at := 0
	for _, p := range places {
		out = binary.AppendUvarint(out, uint64(p.from-at))
		out = append(out, byte(p.hash<<2|p.how))
		at = p.to
	}
	out = appendLiterals(out, parcel, places)
	back, err := putKeys(out)
	return out, err == nil && bytes.Equal(back, parcel)
}

func appendHashes(b []byte, hashes []known, places []place) []byte {
	b = binary.AppendUvarint(b, uint64(len(hashes)))
	for _, h := range hashes {
		if h.key.to == 0 {
			b = append(append(b, 0), h.hash...)
			continue
		}
		at := h.key.from
		for _, p := range places {
			if p.from < h.key.from {
				at -= p.to - p.from
			}
		}
		b = binary.AppendUvarint(b, uint64(at+1))
	}
	return b
}

func appendLiterals(b, parcel []byte, places []place) []byte {
	at := 0
	for _, p := range places {
		b = append(b, parcel[at:p.from]...)
		at = p.to
	}
	return append(b, parcel[at:]...)
}

// findHashes lists the keys in the parcel, then the ids in names whose keys are not.
func findHashes(parcel []byte) (out []known) {
	add := func(k known) {
		same := func(o known) bool { return bytes.Equal(o.hash, k.hash) }
		if len(out) < maxHashes && !slices.ContainsFunc(out, same) {
			out = append(out, k)
		}
	}
	for at := range occurrences(parcel, rsaKey) {
		if key, ok := keyAt(parcel, at-4); ok {
			h := sha256.Sum256(key)
			add(known{h[:], span{at - 4, at - 4 + len(key)}})
		}
	}
	for at := range occurrences(parcel, bmpID) {
		if hash, ok := hashOfName(parcel[at+len(bmpID)-2:]); ok {
			add(known{hash: hash})
		}
	}
	return out
}

// keyAt is the SubjectPublicKeyInfo that begins at an octet of b.
func keyAt(b []byte, at int) ([]byte, bool) {
	if at < 0 || at > len(b)-4 || b[at] != 0x30 || b[at+1] != 0x82 {
		return nil, false
	}
	n := 4 + int(binary.BigEndian.Uint16(b[at+2:]))
	if n > len(b)-at {
		return nil, false
	}
	return b[at : at+n], true
}

// hashOfName reads a node id in UTF-16.
func hashOfName(b []byte) ([]byte, bool) {
	const size = 2 * (1 + 2*hashSize)
	if len(b) < size {
		return nil, false
	}
	var id []byte
	for i := 2; i < size; i += 2 {
		id = append(id, b[i+1])
	}
	hash, err := hex.DecodeString(string(id))
	return hash, err == nil && bytes.Equal(write(hash, writtenBMP), b[:size])
}

// findPlaces lists what can be computed, in order and without overlap, and nothing inside of a key.
func findPlaces(parcel []byte, hashes []known) (out []place) {
	var all []place
	for i, h := range hashes {
		for how := range writings {
			text := string(write(h.hash, how))
			for at := range occurrences(parcel, text) {
				all = append(all, place{span{at, at + len(text)}, i, how})
			}
		}
	}
	slices.SortFunc(all, func(a, b place) int { return a.from - b.from })
	inKey := func(p place) bool {
		return slices.ContainsFunc(hashes, func(h known) bool { return p.from < h.key.to && h.key.from < p.to })
	}
	for _, p := range all {
		if len(out) < maxPlaces && !inKey(p) && (len(out) == 0 || p.from >= out[len(out)-1].to) {
			out = append(out, p)
		}
	}
	return out
}

// occurrences yields where text is in b, without overlap, at most maxPlaces times.
func occurrences(b []byte, text string) func(func(int) bool) {
	return func(yield func(int) bool) {
		at := 0
		for range maxPlaces {
			i := bytes.Index(b[at:], []byte(text))
			if i < 0 || !yield(at+i) {
				return
			}
			at += i + len(text)
		}
	}
}

// putKeys undoes takeKeys.
func putKeys(b []byte) ([]byte, error) {
	r := &cutter{b: b}
	keys := make([]int, r.count(maxHashes))
	hashes := make([][]byte, len(keys))
	for i := range keys {
		if keys[i] = r.count(MaxSize); keys[i] == 0 {
			hashes[i] = r.take(hashSize)
		}
	}
	places := make([]place, r.count(maxPlaces))
	for i := range places {
		places[i].from = r.count(MaxSize)
		ref := int(r.take(1)[0])
		places[i].hash, places[i].how = ref>>2, ref&3
		r.bad = r.bad || places[i].hash >= len(hashes) || places[i].how >= writings
	}
	literals := r.b
	for i, at := range keys {
		if at > 0 && !r.bad {
			key, ok := keyAt(literals, at-1)
			h := sha256.Sum256(key)
			hashes[i], r.bad = h[:], !ok
		}
	}
	if r.bad {
		return nil, fmt.Errorf("%w: its places do not fit", ErrBody)
	}
	return insert(literals, hashes, places)
}

func insert(literals []byte, hashes [][]byte, places []place) ([]byte, error) {
	out := make([]byte, 0, len(literals)+len(places)*130)
	for _, p := range places {
		if p.from > len(literals) {
			return nil, fmt.Errorf("%w: a place lies beyond its end", ErrBody)
		}
		out = append(append(out, literals[:p.from]...), write(hashes[p.hash], p.how)...)
		literals = literals[p.from:]
	}
	if len(out)+len(literals) > MaxSize {
		return nil, fmt.Errorf("%w: it expands beyond %d octets", ErrBody, MaxSize)
	}
	return append(out, literals...), nil
}

// cutter reads the front of a form 2. After the first failure it gives zeros.
type cutter struct {
	b   []byte
	bad bool
}

func (r *cutter) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return make([]byte, n)
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *cutter) count(most int) int {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || v > uint64(most) {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}
