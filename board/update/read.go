package update

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// ErrFormat says that a file is no update, or not a whole one.
var ErrFormat = errors.New("update: not an update file, or not all of it")

// A tar ends with two sectors of zeros, and some programs fill up to 20.
const (
	tarSector = 512
	tarEnd    = 2 * tarSector
	tarFill   = 20 * tarSector
)

// File is an update whose manifest is verified and whose payload is still to be read.
type File struct {
	Manifest
	Key     uint64 // the id of the key that signed, KeyName
	Comment string // that was signed with it; written by whoever signed

	in *counter
	t  *tar.Reader
}

// Open reads manifest and signature of an update and verifies them. It reads nothing of the payload, and of a file that
// is none not much more than MaxManifest.
func Open(r io.Reader, trusted Keys) (*File, error) {
	f := &File{in: &counter{r: bufio.NewReaderSize(r, 64<<10)}}
	f.t = tar.NewReader(f.in)
	text, err := f.small(ManifestName, MaxManifest)
	if err != nil {
		return nil, err
	}
	signature, err := f.small(SignatureName, MaxSignature)
	if err != nil {
		return nil, err
	}
	if f.Key, f.Comment, err = trusted.verify(text, signature); err != nil {
		return nil, err
	}
	f.Manifest, err = ParseManifest(text)
	return f, err
}

// member is the next one, which must be a plain file of this name.
func (f *File) member(name string, max int64) (int64, error) {
	h, err := f.t.Next()
	switch {
	case err != nil:
		return 0, f.broken(err, "before "+name)
	case h.Name != name || h.Typeflag != tar.TypeReg || h.Linkname != "":
		return 0, fmt.Errorf("%w: %.80q stands where the plain file %s belongs", ErrFormat, h.Name, name)
	case len(h.PAXRecords) > 0:
		return 0, fmt.Errorf("%w: %s has extended headers: tar --format=ustar makes none", ErrFormat, name)
	case h.Size > max:
		return 0, fmt.Errorf("%w: %s has %d octets, at most %d are allowed", ErrFormat, name, h.Size, max)
	}
	return h.Size, nil
}

func (f *File) small(name string, max int64) ([]byte, error) {
	n, err := f.member(name, max)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f.t, b); err != nil {
		return nil, f.broken(err, "in "+name)
	}
	return b, nil
}

// broken is an error of the archive as such; one of whatever is behind it stays what it is.
func (f *File) broken(err error, where string) error {
	if f.in.err != nil {
		return f.in.err
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends %s", ErrFormat, where)
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}

// CopyTo writes the slot, exactly Manifest.Size octets when it answers nil. It writes no more than that whatever the
// payload says, and compares both hashes and the end of the archive when all is written: what was written counts only
// after a nil.
func (f *File) CopyTo(w io.Writer) error {
	n, err := f.member(PayloadName, MaxPayload)
	if err != nil {
		return err
	}
	if n != f.GzipSize {
		return fmt.Errorf("%w: the payload has %d octets, the manifest says %d", ErrFormat, n, f.GzipSize)
	}
	packed, raw := sha256.New(), sha256.New()
	all := bufio.NewReaderSize(io.TeeReader(f.t, packed), 64<<10)
	if err := f.unpack(io.MultiWriter(raw, w), all); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, all); err != nil {
		return f.broken(err, "in "+PayloadName)
	}
	if !is(packed, f.GzipSHA256) || !is(raw, f.SHA256) {
		return fmt.Errorf("%w: the payload is not the one that was signed", ErrFormat)
	}
	return f.end()
}

func is(h hash.Hash, want string) bool { return hex.EncodeToString(h.Sum(nil)) == want }

// unpack writes what the manifest promises and not an octet more.
func (f *File) unpack(w io.Writer, r io.Reader) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return f.broken(err, "in "+PayloadName)
	}
	n, err := io.CopyN(&sink{w: w}, z, f.Size)
	var wrote *sinkError
	switch {
	case errors.As(err, &wrote):
		return wrote.error
	case err != nil && f.in.err == nil && err == io.EOF:
		return fmt.Errorf("%w: the slot has %d octets, the manifest says %d", ErrFormat, n, f.Size)
	case err != nil:
		return f.broken(err, "in "+PayloadName)
	}
	var one [1]byte
	if n, err := io.ReadFull(z, one[:]); n > 0 {
		return fmt.Errorf("%w: the slot has more than the %d octets of the manifest", ErrFormat, f.Size)
	} else if err != io.EOF {
		return f.broken(err, "in "+PayloadName)
	}
	return nil
}

// end wants that the archive is over, and the stream.
func (f *File) end() error {
	before := f.in.n
	if h, err := f.t.Next(); err == nil {
		return fmt.Errorf("%w: %.80q follows the payload", ErrFormat, h.Name)
	} else if err != io.EOF {
		return f.broken(err, "after "+PayloadName)
	}
	if pad := -f.GzipSize & (tarSector - 1); f.in.n < before+pad+tarEnd {
		return fmt.Errorf("%w: it ends right after %s", ErrFormat, PayloadName)
	}
	rest, err := io.ReadAll(io.LimitReader(f.in, tarFill+1))
	if err != nil {
		return err
	}
	if len(rest) > tarFill || !allZero(rest) {
		return fmt.Errorf("%w: something follows its end", ErrFormat)
	}
	return nil
}

// counter counts what was read and keeps the error that came from outside.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// sink marks errors of the writer, which are no faults of the file.
type sink struct{ w io.Writer }

type sinkError struct{ error }

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		err = &sinkError{err}
	}
	return n, err
}
