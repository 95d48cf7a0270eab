package store

import (
	"bytes"
	"io/fs"
	"math"
	"testing"
)

// FuzzParse reads records that carry a checksum, so that what is behind it is reached.
func FuzzParse(f *testing.F) {
	c := codec{salt: 7}
	for _, r := range []record{
		{typ: typePut, seq: 1, kind: 3, key: []byte("key"), payload: []byte("value")},
		{typ: typeTombstone, seq: math.MaxUint64, payload: grave{9, 1, 2}.append(nil)},
		{typ: typeBatchEnd, seq: 5, payload: batchEnd{4, math.MaxInt32}.append(nil)},
		{typ: typeHead, seq: 1<<32 | 7, payload: head{1, 2}.append(nil)},
	} {
		f.Add(c.append(nil, &r), false)
		f.Add(codec{salt: 7, seal: testCipher(f, 1)}.append(nil, &r), true)
	}
	seal := testCipher(f, 1)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		c := c
		if sealed {
			c.seal = seal
		}
		if len(b) >= minRecord {
			b = c.checksummed(b)
		}
		r, reason := c.parse(b, 0)
		if reason != "" {
			return
		}
		switch r.typ {
		case typeBatchEnd:
			if e := parseBatchEnd(r.payload); e.records < -1 && math.MaxInt > math.MaxInt32 {
				t.Errorf("got a batch of %d records", e.records)
			}
		case typeTombstone:
			if again := parseGrave(r.payload).append(nil); !bytes.Equal(again, r.payload) {
				t.Errorf("tombstone %x, written again %x", r.payload, again)
			}
		case typeHead:
			if again := parseHead(r.payload).append(nil); !bytes.Equal(again, r.payload) {
				t.Errorf("head %x, written again %x", r.payload, again)
			}
		}
		if again, reason := c.parse(c.append(nil, &r), r.seq); reason != "" || !bytes.Equal(again.payload, r.payload) || !bytes.Equal(again.key, r.key) {
			t.Errorf("%+v, written and read again: %+v, %q", r, again, reason)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("00000000031606291678")
	f.Add("00000007-5be1c0de")
	f.Add("18446744073709551616")
	f.Fuzz(func(t *testing.T, name string) {
		if number, salt, ok := parseBucketName(name); ok && bucketName(number, salt) != name {
			t.Errorf("%q: got bucket %d, %x", name, number, salt)
		}
		if first, ok := parseSegmentName(entryNamed(name)); ok && (segmentName(first) != name || first == 0) {
			t.Errorf("%q: got first %d", name, first)
		}
	})
}

// entryNamed is a directory's entry for a file.
type entryNamed string

func (e entryNamed) Name() string               { return string(e) }
func (e entryNamed) IsDir() bool                { return false }
func (e entryNamed) Type() fs.FileMode          { return 0 }
func (e entryNamed) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }
