package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
)

// BackupVisitor takes what ReadBackup finds, in its order. Slices are the visitor's. nil functions are not called.
type BackupVisitor struct {
	Info  func(text []byte) error
	File  func(name string, content []byte) error
	Value func(k Kind, key string, value []byte) error
}

// ReadBackup reads a stream to its end and verifies all of it. Only when it answers no error what the visitor
// saw is whole; ErrBackup says that it is cut or altered. It holds one value in memory.
func ReadBackup(r io.Reader, v BackupVisitor) (BackupCounts, error) {
	b := backupReader{r: bufio.NewReaderSize(r, maxInline), sum: sha256.New(), visit: v}
	for {
		more, err := b.entry()
		if err == nil && !more {
			return b.counts, nil
		}
		if err != nil {
			return b.counts, err
		}
	}
}

type backupReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	visit  BackupVisitor
	counts BackupCounts
	seq    uint64 // of the last record
	begun  bool
	chunks []record // of the large value whose list is to come
	octets int      // of them
}

// maxPieces bounds what a doctored file makes us hold of pieces without octets: the largest value has 144.
const maxPieces = 4096

func broken(format string, v ...any) error {
	return fmt.Errorf("%w: %s", ErrBackup, fmt.Sprintf(format, v...))
}

// limits of the bodies, by tag.
var entryLimits = [...]uint64{tagInfo: maxInfo, tagFile: 1 + maxFileName + maxFile, tagRecord: maxRecord, tagMissing: missingBytes, tagEnd: endBytes}

func (b *backupReader) entry() (more bool, err error) {
	sum := b.sum.Sum(nil)
	tag, body, err := b.next()
	if err != nil {
		return false, err
	}
	if (tag == tagInfo) == b.begun {
		return false, broken("it does not begin with its info, once")
	}
	b.begun = true
	switch tag {
	case tagInfo:
		return true, call(b.visit.Info, body)
	case tagFile:
		return true, b.file(body)
	case tagRecord:
		return true, b.record(body)
	case tagMissing:
		return true, b.missing(body)
	}
	return false, b.end(body, sum)
}

func call(f func([]byte) error, body []byte) error {
	if f == nil {
		return nil
	}
	return f(body)
}

// next reads one entry. Where the stream ends it is cut.
func (b *backupReader) next() (tag byte, body []byte, err error) {
	tag, err = b.r.ReadByte()
	if err != nil {
		return 0, nil, cutShort(err)
	}
	n, err := binary.ReadUvarint(b.r)
	if err != nil {
		return 0, nil, cutShort(err)
	}
	if tag < tagInfo || tag > tagEnd || n > entryLimits[tag] {
		return 0, nil, broken("an entry of type %d with %d octets is none of a backup", tag, n)
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(b.r, body); err != nil {
		return 0, nil, cutShort(err)
	}
	b.sum.Write(binary.AppendUvarint([]byte{tag}, n))
	b.sum.Write(body)
	return tag, body, nil
}

func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return broken("it is cut short")
	}
	return err
}

func (b *backupReader) file(body []byte) error {
	if len(body) < 1 || len(body) < 1+int(body[0]) {
		return broken("a file without a name")
	}
	b.counts.Files++
	if b.visit.File == nil {
		return nil
	}
	n := 1 + int(body[0])
	return b.visit.File(string(body[1:n]), body[n:])
}

func (b *backupReader) record(body []byte) error {
	b.seq++
	r, reason := codec{}.parse(body, b.seq)
	if reason != "" {
		return broken("record %d: %s", b.seq, reason)
	}
	switch r.typ {
	case typeChunk:
		if b.octets += len(r.payload); b.octets > MaxValue || len(b.chunks) == maxPieces {
			return broken("a value is over %d octets or %d pieces", MaxValue, maxPieces)
		}
		b.chunks = append(b.chunks, r)
		return nil
	case typePut:
		return b.value(&r, r.payload)
	case typeLarge:
		return b.large(&r)
	}
	return broken("record %d has type %d", b.seq, r.typ)
}

// large joins the chunks that a list names: they are the last ones.
func (b *backupReader) large(r *record) error {
	n, list, ok := parseLarge(r.payload)
	if !ok || len(list) != len(b.chunks) || n != b.octets {
		return broken("record %d: a large value without its pieces", b.seq)
	}
	value := make([]byte, 0, n)
	for i := range list {
		c := &b.chunks[i]
		if list[i].seq != c.seq || c.kind != r.kind || !bytes.Equal(c.key, r.key) {
			return broken("record %d: a large value with the piece of another", b.seq)
		}
		value = append(value, c.payload...)
	}
	return b.value(r, value)
}

func (b *backupReader) value(r *record, value []byte) error {
	b.drop()
	b.counts.Values++
	b.counts.Octets += int64(len(r.key) + len(value))
	if b.visit.Value == nil {
		return nil
	}
	return b.visit.Value(r.kind, string(r.key), value)
}

func (b *backupReader) drop() { b.chunks, b.octets = nil, 0 }

func (b *backupReader) missing(body []byte) error {
	if len(body) < 1 {
		return broken("a missing value without a kind")
	}
	b.drop()
	b.counts.Missing = append(b.counts.Missing, Name{Kind(body[0]), string(body[1:])})
	return nil
}

func (b *backupReader) end(body, sum []byte) error {
	if len(body) != endBytes || !bytes.Equal(body[12:], sum) {
		return broken("its digest is wrong")
	}
	for i, n := range []int{b.counts.Values, b.counts.Files, len(b.counts.Missing)} {
		if binary.BigEndian.Uint32(body[4*i:]) != uint32(n) {
			return broken("it does not hold what its end says")
		}
	}
	switch _, err := b.r.ReadByte(); err {
	case io.EOF:
		return nil
	case nil:
		return broken("something follows its end")
	default:
		return err
	}
}
