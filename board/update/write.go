package update

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"aead.dev/minisign"

	"packhorse/board/card"
)

// Signer answers the text of the minisign signature of a manifest.
type Signer func(manifest []byte) (signature []byte, err error)

// SignWith signs with a key, as minisign itself does since 0.8 (hashed before), but without the time, so that the same
// system makes the same file again.
func SignWith(key minisign.PrivateKey) Signer {
	return func(manifest []byte) ([]byte, error) {
		r := minisign.NewReader(bytes.NewReader(manifest))
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, err
		}
		return r.SignWithComments(key, Format, "verify with: minisign -Vm "+ManifestName), nil
	}
}

// Write makes an update of a slot, whose zeros at the end are left out, and holds the compressed slot in memory
// meanwhile. The same input gives the same octets.
func Write(w io.Writer, r card.Release, slot io.Reader, sign Signer) (Manifest, error) {
	m := Manifest{Format: Format, Version: r.Version, Build: r.Build, Board: r.Board, Created: r.Created}
	payload, err := m.pack(slot)
	if err != nil {
		return m, err
	}
	if err := m.check(); err != nil {
		return m, err
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return m, err
	}
	text = append(text, '\n')
	signature, err := sign(text)
	if err != nil {
		return m, err
	}
	return m, archive(w, m, text, signature, payload)
}

// pack compresses a slot and enters sizes and hashes.
func (m *Manifest) pack(slot io.Reader) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	raw := sha256.New()
	if m.Size, err = trim(io.MultiWriter(z, raw), slot); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	packed := sha256.Sum256(out.Bytes())
	m.SHA256, m.GzipSHA256, m.GzipSize = hex.EncodeToString(raw.Sum(nil)), hex.EncodeToString(packed[:]), int64(out.Len())
	return out.Bytes(), nil
}

// trim copies whole sectors without those zeros that nothing follows.
func trim(w io.Writer, r io.Reader) (size int64, err error) {
	buf, zeros, at := make([]byte, 64<<10), int64(0), int64(0)
	for {
		n, err := io.ReadFull(r, buf)
		if at += int64(n); at > card.SlotSize {
			return size, fmt.Errorf("update: a slot has at most %d octets", int64(card.SlotSize))
		}
		for sector := range sectors(buf[:n]) {
			if allZero(sector) {
				zeros += card.SectorSize
				continue
			}
			if err := fill(w, zeros); err != nil {
				return size, err
			}
			if _, err := w.Write(sector); err != nil {
				return size, err
			}
			if err := fill(w, int64(-len(sector)&(card.SectorSize-1))); err != nil {
				return size, err
			}
			size, zeros = size+zeros+card.SectorSize, 0
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

func sectors(b []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(b) > 0; b = b[min(len(b), card.SectorSize):] {
			if !yield(b[:min(len(b), card.SectorSize)]) {
				return
			}
		}
	}
}

var zeroes [64 << 10]byte

func fill(w io.Writer, n int64) error {
	for n > 0 {
		some, err := w.Write(zeroes[:min(n, int64(len(zeroes)))])
		if err != nil {
			return err
		}
		n -= int64(some)
	}
	return nil
}

func allZero(b []byte) bool {
	for len(b) > len(zeroes) {
		if !bytes.Equal(b[:len(zeroes)], zeroes[:]) {
			return false
		}
		b = b[len(zeroes):]
	}
	return bytes.Equal(b, zeroes[:len(b)])
}

func archive(w io.Writer, m Manifest, manifest, signature, payload []byte) error {
	created, err := time.Parse(time.RFC3339, m.Created)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	for _, f := range []struct {
		name string
		data []byte
	}{{ManifestName, manifest}, {SignatureName, signature}, {PayloadName, payload}} {
		h := tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o644, ModTime: created, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return t.Close()
}
