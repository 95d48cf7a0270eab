package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// A backup is a stream of entries, each a tag octet, the length of its body as uvarint, and the body:
//
//	tag        body
//	1 info     what it is a backup of, as its writer likes (JSON); once, first
//	2 file     1 octet n, name of n octets, content
//	3 record   as in a bucket, in the clear, with salt 0 and sequences that rise by one from 1
//	4 missing  kind (1 octet) and key of a value that could not be read; the key is empty when unknown, and the kind
//	           is 0 too for damage of which nobody knows what it hides
//	5 end      number of values, of files and of missing values (4 octets each, big endian), and the SHA-256
//	           of all before this entry
//
// The records are puts and large values. The chunks of a large value stand right before its list, which names
// their sequences here; chunks without a list behind them count for nothing. Nothing follows the end.
const (
	tagInfo = iota + 1
	tagFile
	tagRecord
	tagMissing
	tagEnd
)

const (
	maxInfo      = 64 << 10
	maxFile      = 4 << 20
	maxFileName  = 255
	endBytes     = 12 + sha256.Size
	missingBytes = 1 + MaxKey
)

// ErrBackup says that a file is no whole backup.
var ErrBackup = errors.New("store: not a whole backup")

// BackupCounts is what a backup holds.
type BackupCounts struct {
	Values  int
	Octets  int64 // of keys and values
	Files   int
	Missing []Name // values that could not be read when it was made; empty names are damage that may hide some
}

// BackupWriter writes the stream of a backup: Info, then files and stores in any order, then Close.
type BackupWriter struct {
	w      *bufio.Writer
	sum    hash.Hash
	seq    uint64
	buf    []byte
	counts BackupCounts
}

// NewBackupWriter writes to w, which stays the caller's to close.
func NewBackupWriter(w io.Writer) *BackupWriter {
	return &BackupWriter{w: bufio.NewWriterSize(w, maxInline), sum: sha256.New()}
}

// Info says what it is a backup of, in at most 65,536 octets.
func (b *BackupWriter) Info(text []byte) error {
	if len(text) > maxInfo {
		return fmt.Errorf("store: the info of a backup is over %d octets", maxInfo)
	}
	return b.entry(tagInfo, text)
}

// File adds a small file.
func (b *BackupWriter) File(name string, content []byte) error {
	if len(name) > maxFileName || len(content) > maxFile {
		return fmt.Errorf("store: %s is too large for a backup", name)
	}
	b.counts.Files++
	return b.entry(tagFile, append(append([]byte{byte(len(name))}, name...), content...))
}

// Counts is what was written so far.
func (b *BackupWriter) Counts() BackupCounts { return b.counts }

// Close ends the stream: without it, it is no backup.
func (b *BackupWriter) Close() error {
	end := binary.BigEndian.AppendUint32(nil, uint32(b.counts.Values))
	end = binary.BigEndian.AppendUint32(end, uint32(b.counts.Files))
	end = binary.BigEndian.AppendUint32(end, uint32(len(b.counts.Missing)))
	if err := b.entry(tagEnd, b.sum.Sum(end)); err != nil {
		return err
	}
	return b.w.Flush()
}

func (b *BackupWriter) entry(tag byte, body []byte) error {
	head := binary.AppendUvarint([]byte{tag}, uint64(len(body)))
	for _, part := range [][]byte{head, body} {
		b.sum.Write(part)
		if _, err := b.w.Write(part); err != nil {
			return fmt.Errorf("store: writing the backup: %w", err)
		}
	}
	return nil
}

// record writes one under the next sequence.
func (b *BackupWriter) record(r record) (seq uint64, err error) {
	b.seq++
	r.seq = b.seq
	b.buf = codec{}.append(b.buf[:0], &r)
	return b.seq, b.entry(tagRecord, b.buf)
}

func (b *BackupWriter) missing(k Kind, key []byte) error {
	b.counts.Missing = append(b.counts.Missing, Name{k, string(key)})
	return b.entry(tagMissing, append([]byte{byte(k)}, key...))
}
