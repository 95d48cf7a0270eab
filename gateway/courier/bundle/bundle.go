// Package bundle reads and writes what one gateway of a domain sends to another in a file, carried by whoever walks
// that way with a USB stick. Pure: no file, clock or random source of its own.
//
//	offset  size  what
//	     0     8  "PKHBNDL", version 1
//	     8     8  short id of the recipient: the first octets of its gateway id
//	    16     8  expiry, seconds since 1970: when nothing in it is of use any more
//	    24     4  octets of the whole file
//	    28    24  nonce, random
//	    52     8  hint: for members of the domain, which of them wrote it
//	    60     2  m, octets of the manifest
//	    62     m  manifest: for the writer alone, what is in it
//	  62+m     4  CRC-32C of everything else: found damage, no protection
//	  66+m    48  Noise_K_25519_ChaChaPoly_BLAKE2s: ephemeral key and tag; the prologue is "packhorse bundle 1", the
//	              domain's id, both gateways' ids and the 62+m octets above
//	 114+m        chunks under the key of the handshake, each: 1 octet, 0 or 1 for the last, data, 16 octets tag. All but the
//	              last have 32,768 octets of data
//
// The data are the items, one behind the other: 1 octet kind, 1 priority, 2 hands, 4 length, body. All numbers are big
// endian. Whoever finds the file learns recipient, expiry and size. The nonce makes hint and manifest of two files of one
// writer look unrelated; the hint is a MAC under the domain's pre-shared key.
//
// Without forward secrecy on the recipient's side, as every letter to somebody who cannot answer: whoever gets the
// recipient's static key opens the files that were kept. Parcels in it are encrypted end to end besides.
package bundle

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"packhorse/link"
)

// Sizes, in octets.
const (
	fixedHead = 62
	crcSize   = 4
	noiseHead = 48
	tagSize   = 16
	chunkData = 32 << 10
	chunkSize = 1 + chunkData + tagSize
	itemHead  = 8

	// MaxItems is how many items of a bundle its manifest names.
	MaxItems    = 256
	digestSize  = 16
	maxManifest = MaxItems*digestSize + tagSize
	// MaxHead is the most that is read of a file to know its Header.
	MaxHead = fixedHead + maxManifest
	// MaxData bounds the items of a bundle together: one parcel of the largest size, and some that are small.
	MaxData = 8_322_038 + 1<<20
	// MaxSize is that of a file.
	MaxSize = MaxHead + crcSize + noiseHead + (MaxData/chunkData+1)*(chunkSize-chunkData) + MaxData
)

const magic = "PKHBNDL\x01"

// Errors of a file that is no whole bundle, and of one that cannot be opened with the keys at hand.
var (
	ErrDamaged = errors.New("bundle: the file is damaged or was cut off")
	ErrSealed  = errors.New("bundle: the file is not for this gateway, or not by who it says")
)

// Short is the short id of a gateway.
type Short [8]byte

// ShortOf is the beginning of a gateway's id.
func ShortOf(id link.PeerID) (s Short) {
	copy(s[:], id[:])
	return s
}

// Header is what everybody can read. Nothing in it is authentic before Open.
type Header struct {
	To      Short
	Expires time.Time
	Size    int
	raw     []byte // up to the checksum
}

// Is tells whether octets begin as those of a bundle, of any version.
func Is(b []byte) bool { return len(b) >= len(magic) && string(b[:7]) == magic[:7] }

// ParseHeader reads the first octets of a file, at least MaxHead of them or all. The result refers to b.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < fixedHead || string(b[:len(magic)]) != magic {
		return Header{}, ErrDamaged
	}
	m := int(binary.BigEndian.Uint16(b[60:]))
	expires, size := binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint32(b[24:])
	if m < tagSize || m > maxManifest || (m-tagSize)%digestSize != 0 || len(b) < fixedHead+m || expires > math.MaxUint32 || size > uint32(MaxSize) {
		return Header{}, ErrDamaged
	}
	return Header{To: Short(b[8:16]), Expires: time.Unix(int64(expires), 0).UTC(), Size: int(size), raw: b[:fixedHead+m]}, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(head, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body)
}

// Check reads a whole file as far as anybody can: it tells damage from what only the recipient can judge.
func Check(b []byte) (Header, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return h, err
	}
	rest := b[len(h.raw):]
	if len(b) != h.Size || len(rest) < crcSize+noiseHead+1+tagSize {
		return h, ErrDamaged
	}
	if binary.BigEndian.Uint32(rest) != checksum(h.raw, rest[crcSize:]) {
		return h, ErrDamaged
	}
	return h, nil
}
