package boards

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
)

// binaryIn is where our package has the binary.
const binaryIn = "usr/bin/packhorse"

// maxMember bounds what is read of a package.
const maxMember = 1 << 30

// packagedBinary is the hash of the packhorse in a .deb: an ar archive (ar(5)) with data.tar.gz in it, as our packages are
// (deb(5)).
func packagedBinary(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := member(bufio.NewReader(f), "data.tar.gz")
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	z, err := gzip.NewReader(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	for t := tar.NewReader(io.LimitReader(z, maxMember)); ; {
		h, err := t.Next()
		if err != nil {
			return "", fmt.Errorf("%s: no /%s in it: %w", file, binaryIn, err)
		}
		if path.Clean(strings.TrimPrefix(h.Name, "/")) == binaryIn {
			sum := sha256.New()
			_, err := io.Copy(sum, t)
			return hex.EncodeToString(sum.Sum(nil)), err
		}
	}
}

// member finds a file of an ar archive.
func member(r io.Reader, name string) (io.Reader, error) {
	magic := make([]byte, 8)
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != "!<arch>\n" {
		return nil, errors.New("this is no Debian package")
	}
	for {
		head := make([]byte, 60)
		if _, err := io.ReadFull(r, head); err != nil {
			return nil, fmt.Errorf("no %s in it", name)
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(head[48:58])), 10, 64)
		if err != nil || size < 0 || size > maxMember {
			return nil, errors.New("this is no Debian package: a file in it has no size")
		}
		if strings.TrimRight(string(bytes.TrimSpace(head[:16])), "/") == name {
			return io.LimitReader(r, size), nil
		}
		if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
			return nil, err
		}
	}
}
