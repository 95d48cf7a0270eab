package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	fast "github.com/klauspost/compress/gzip"

	"packhorse/board/card"
	"packhorse/board/update"
)

// zip compresses octets; name and time stay empty, so that the same become the same.
func zip(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(raw); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

// compressDisk writes the card as Raspberry Pi Imager takes it. Most of it is zeros, over which this gzip is six times as
// fast as the standard library's.
func (b *builder) compressDisk() error {
	in, err := os.Open(b.path(diskFile))
	if err != nil {
		return err
	}
	defer in.Close()
	return b.create(b.name(".img.gz"), func(out *os.File) error {
		z := fast.NewWriter(out)
		if _, err := io.Copy(z, in); err != nil {
			return err
		}
		return z.Close()
	})
}

// makeUpdate writes the system as boxes that run take it. Without a key there is none.
func (b *builder) makeUpdate() error {
	if b.keys.sign == nil {
		return nil
	}
	return b.create(b.name(".phup"), func(out *os.File) error {
		_, err := update.Write(out, b.release, bytes.NewReader(b.slotFAT), b.keys.sign)
		return err
	})
}

// Files with the same names for all versions.
const (
	sumsFile   = "SHA256SUMS"
	imagerFile = "os_list.json"
)

// publish writes what describes the rest.
func (b *builder) publish() (summary, error) {
	image := b.name(".img.gz")
	names := []string{image, imagerFile, card.ReleaseFile}
	if b.keys.sign != nil {
		names = append(names, b.name(".phup"))
	}
	raw, err := describe(b.path(diskFile))
	if err != nil {
		return summary{}, err
	}
	compressed, err := describe(b.path(image))
	if err != nil {
		return summary{}, err
	}
	list, err := b.imagerList(raw, compressed)
	if err != nil {
		return summary{}, err
	}
	if err := os.WriteFile(b.path(imagerFile), list, 0o644); err != nil {
		return summary{}, err
	}
	s, err := b.summarise(names...)
	if err != nil {
		return summary{}, err
	}
	return s, os.WriteFile(b.path(sumsFile), sums(s.Files), 0o644)
}

// artefact is one file that was built.
type artefact struct {
	File   string `json:"file"`
	Octets int64  `json:"size_bytes"`
	SHA256 string `json:"sha256"`
}

// summary is what a build came to: docs/schema/image.json.
type summary struct {
	Schema    string             `json:"schema"`
	At        time.Time          `json:"at"`
	Directory string             `json:"directory"`
	Release   card.Release       `json:"release"`
	Files     []artefact         `json:"files"`
	Seconds   float64            `json:"took_s"`
	Steps     map[string]float64 `json:"steps_s"`
}

func (b *builder) summarise(names ...string) (summary, error) {
	s := summary{Schema: "packhorse.image/1", At: time.Now().UTC(), Directory: b.out, Release: b.release, Steps: b.took}
	for _, name := range names {
		a, err := describe(b.path(name))
		if err != nil {
			return s, err
		}
		s.Files = append(s.Files, a)
	}
	s.Seconds = b.total()
	return s, nil
}

func describe(path string) (artefact, error) {
	f, err := os.Open(path)
	if err != nil {
		return artefact{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return artefact{filepath.Base(path), n, hex.EncodeToString(h.Sum(nil))}, err
}

func (s summary) print(w io.Writer) error {
	for _, a := range s.Files {
		fmt.Fprintf(w, "%s  %9.1f MB  %s\n", a.SHA256[:16], float64(a.Octets)/1e6, filepath.Join(s.Directory, a.File))
	}
	_, err := fmt.Fprintf(w, "build %s of %s, %.1f s\n", s.Release.Build, s.Release.Version, s.Seconds)
	return err
}
