package hil

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
)

// Describe makes an artifact of a file: what it is by the end of its name, and its hash. What has no known end is a binary.
func Describe(path string) (Artifact, error) {
	f, err := os.Open(path)
	if err != nil {
		return Artifact{}, err
	}
	defer f.Close()
	if i, err := f.Stat(); err == nil && i.IsDir() {
		return Artifact{}, errors.New(path + " is a directory")
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return Artifact{}, err
	}
	a := Artifact{Kind: Binary, Path: path, SHA256: hex.EncodeToString(h.Sum(nil))}
	for end, kind := range map[string]string{".deb": Package, ".phup": Update, ".img": Image, ".toml": Config} {
		if strings.HasSuffix(path, end) {
			a.Kind = kind
		}
	}
	return a, nil
}
