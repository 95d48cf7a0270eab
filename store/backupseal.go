package store

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A file holds a backup's stream behind a header. Numbers are big endian:
//
//	 0   8  0x8e "PHBACKU"
//	 8   1  version: 1
//	 9   1  0 in the clear, 1 sealed
//	10   2  n, octets of the vault; 0 in the clear
//	12  19  random; zero in the clear
//	31   n  a vault, as in vault.go: its keys open the backup
//
// In the clear the stream follows. Sealed, it follows in blocks of 65,536 octets and a last one that may be shorter, even empty:
// XChaCha20-Poly1305 under the vault's key for backups; the nonce is the 19 random octets, the number of the
// block from 0 (4 octets) and 1 for the last block, else 0 (STREAM, Hoang, Reyhanitabar, Rogaway and Vizár, 2015);
// associated data: the header. So nobody can cut, join or reorder blocks.
const (
	backupVersion = 1
	backupHead    = 31
	backupBlock   = 64 << 10
	backupPrefix  = 19
	sealTag       = 16
)

var backupMagic = []byte{0x8e, 'P', 'H', 'B', 'A', 'C', 'K', 'U'}

// NewVault makes a vault that is in no file, for a backup to carry. Of a kind of key the last one counts.
func NewVault(keys ...Key) (*Vault, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: a backup is sealed with a passphrase or a key file", ErrSealed)
	}
	v := blankVault(osFiles{}, "", Sealed)
	for _, k := range keys {
		v.put(k, &v.data)
	}
	copy(v.mac[:], v.macOf(v.body()))
	return v, nil
}

// WriteBackup begins a backup's file: what is written to the result is the stream. v's keys open it; with nil it is in the
// clear. Close ends it and leaves w open.
func WriteBackup(w io.Writer, v *Vault) (io.WriteCloser, error) {
	head := append(bytes.Clone(backupMagic), backupVersion, 0, 0, 0)
	head = append(head, make([]byte, backupPrefix)...)
	if v == nil {
		_, err := w.Write(head)
		return clearBackup{w}, err
	}
	vault := v.marshal()
	head[9] = 1
	binary.BigEndian.PutUint16(head[10:], uint16(len(vault)))
	rand.Read(head[backupHead-backupPrefix:])
	head = append(head, vault...)
	_, err := w.Write(head)
	return &sealedBackup{w: w, blocks: newBlocks(v, head)}, err
}

type clearBackup struct{ io.Writer }

func (clearBackup) Close() error { return nil }

// blocks numbers the blocks of a sealed backup.
type blocks struct {
	aead  cipher.AEAD
	head  []byte
	nonce [24]byte
	count uint64
}

func newBlocks(v *Vault, head []byte) blocks {
	b := blocks{aead: v.Cipher(ForBackup), head: head}
	copy(b.nonce[:], head[backupHead-backupPrefix:backupHead])
	return b
}

// next is the nonce of the next block.
func (b *blocks) next(last bool) []byte {
	binary.BigEndian.PutUint32(b.nonce[backupPrefix:], uint32(b.count))
	b.count++
	b.nonce[23] = 0
	if last {
		b.nonce[23] = 1
	}
	return b.nonce[:]
}

var errBackupSize = errors.New("store: a backup has at most 2^32 blocks")

type sealedBackup struct {
	blocks
	w   io.Writer
	buf []byte
	out []byte
}

func (s *sealedBackup) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if len(s.buf) == backupBlock {
			if err := s.flush(false); err != nil {
				return n, err
			}
		}
		m := min(backupBlock-len(s.buf), len(p)-n)
		s.buf = append(s.buf, p[n:n+m]...)
		n += m
	}
	return n, nil
}

func (s *sealedBackup) flush(last bool) error {
	if s.count >= 1<<32 {
		return errBackupSize
	}
	s.out = s.aead.Seal(s.out[:0], s.next(last), s.buf, s.head)
	s.buf = s.buf[:0]
	_, err := s.w.Write(s.out)
	return err
}

func (s *sealedBackup) Close() error { return s.flush(true) }

// BackupFile is a backup's file that was opened.
type BackupFile struct {
	io.Reader        // the stream
	Vault     *Vault // nil: in the clear
}

// OpenBackup reads the header and opens the vault in it with the first key that fits; keys is asked for them, unless the backup is in
// the clear.
func OpenBackup(r io.Reader, keys func(kinds []KeyKind) ([]Key, error)) (*BackupFile, error) {
	head := make([]byte, backupHead)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, cutShort(err)
	}
	n := int(binary.BigEndian.Uint16(head[10:]))
	switch {
	case !bytes.HasPrefix(head, backupMagic):
		return nil, broken("it does not begin as a backup does")
	case head[8] != backupVersion:
		return nil, fmt.Errorf("store: the backup has version %d, this program reads %d: update the program", head[8], backupVersion)
	case head[9] == 0 && n == 0:
		return &BackupFile{Reader: r}, nil
	case head[9] != 1 || n > maxVault:
		return nil, broken("its header means nothing")
	}
	head = append(head, make([]byte, n)...)
	if _, err := io.ReadFull(r, head[backupHead:]); err != nil {
		return nil, cutShort(err)
	}
	v, err := vaultOfBackup(head[backupHead:], keys)
	if err != nil {
		return nil, err
	}
	return &BackupFile{&openedBackup{r: bufio.NewReaderSize(r, backupBlock+sealTag+1), blocks: newBlocks(v, head)}, v}, nil
}

func vaultOfBackup(b []byte, keys func([]KeyKind) ([]Key, error)) (*Vault, error) {
	m, err := parseVault(b)
	if err != nil {
		return nil, broken("its vault: %v", err)
	}
	k, err := keys(m.kinds())
	if err != nil {
		return nil, err
	}
	return unlockVault(osFiles{}, "the backup", m, k...)
}

// IsBackup tells by the first octets of a file.
func IsBackup(head []byte) bool { return bytes.HasPrefix(head, backupMagic) }

type openedBackup struct {
	blocks
	r    *bufio.Reader
	buf  [backupBlock + sealTag]byte
	rest []byte // opened and not yet read
	end  bool
}

func (o *openedBackup) Read(p []byte) (int, error) {
	for len(o.rest) == 0 {
		if o.end {
			return 0, io.EOF
		}
		if err := o.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

func (o *openedBackup) fill() error {
	n, err := io.ReadFull(o.r, o.buf[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	if _, err := o.r.Peek(1); err == io.EOF {
		o.end = true
	} else if err != nil {
		return err
	}
	if o.count >= 1<<32 {
		return errBackupSize
	}
	o.rest, err = o.aead.Open(o.buf[:0], o.next(o.end), o.buf[:n], o.head)
	if err != nil {
		return broken("block %d was cut or altered", o.count-1)
	}
	return nil
}
