package update

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"packhorse/board/card"
)

// Format is what the manifest of this format calls itself. A manifest with other fields has another name.
const Format = "packhorse-update/1"

// Members of the file, in their order, and the most octets that the first two may have.
const (
	ManifestName  = "manifest.json"
	SignatureName = "manifest.json.minisig"
	PayloadName   = "slot.img.gz"
	MaxManifest   = 64 << 10
	MaxSignature  = 4 << 10
)

// MaxPayload is the most octets that the compressed slot may have: a slot that deflate could not make smaller.
const MaxPayload = card.SlotSize + card.SlotSize/1000 + 1024

// Manifest is what is signed: which system this is and how its octets are known again.
type Manifest struct {
	Format     string `json:"format"`
	Version    string `json:"version"`     // of packhorse, for people
	Build      string `json:"build"`       // tells two systems apart: card.Release
	Board      string `json:"board"`       // that it runs on
	Created    string `json:"created"`     // RFC 3339, UTC: the order of systems
	Size       int64  `json:"size_bytes"`  // of the slot without the zeros at its end, whole sectors
	SHA256     string `json:"sha256"`      // of those octets, hex
	GzipSize   int64  `json:"gzip_bytes"`  // of the payload
	GzipSHA256 string `json:"gzip_sha256"` // of the payload, hex
}

var (
	oneWord = regexp.MustCompile(`^[!-~]{1,64}$`)
	isBoard = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	isBuild = regexp.MustCompile(`^[0-9a-f]{8,64}$`)
	isHash  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ParseManifest reads a manifest and refuses what is not in the format: unknown fields, sizes that no slot has.
// Whether it is for this machine is for Fits to say.
func ParseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if len(text) > MaxManifest {
		return m, fmt.Errorf("update: a manifest has at most %d octets, not %d", MaxManifest, len(text))
	}
	var name struct{ Format string }
	if json.Unmarshal(text, &name) == nil && name.Format != Format && name.Format != "" {
		return m, fmt.Errorf("update: the format is %.40q, and this version reads %s: update to a version between them first", name.Format, Format)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("update: the manifest is no %s: %w", Format, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return m, errors.New("update: the manifest goes on after its end")
	}
	return m, m.check()
}

func (m Manifest) check() error {
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"format", m.Format == Format},
		{"version", oneWord.MatchString(m.Version)},
		{"build", isBuild.MatchString(m.Build)},
		{"board", isBoard.MatchString(m.Board)},
		{"created", isTime(m.Created)},
		{"size_bytes", m.Size > 0 && m.Size <= card.SlotSize && m.Size%card.SectorSize == 0},
		{"sha256", isHash.MatchString(m.SHA256)},
		{"gzip_bytes", m.GzipSize > 0 && m.GzipSize <= MaxPayload},
		{"gzip_sha256", isHash.MatchString(m.GzipSHA256)},
	} {
		if !f.ok {
			return fmt.Errorf("update: %s in the manifest is missing or wrong", f.name)
		}
	}
	return nil
}

// Release is the system in the file.
func (m Manifest) Release() card.Release {
	return card.Release{Version: m.Version, Build: m.Build, Board: m.Board, Created: m.Created}
}

func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339, s)
	return err == nil && t.Equal(t.Truncate(time.Second)) && s == t.UTC().Format(time.RFC3339)
}
