package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"packhorse/board/card"
)

// dirVar names the directory of an image that was built already; the suite image of make test sets it.
const dirVar = "PACKHORSE_IMAGE_DIR"

// TestMain leaves what takes long to those who ask for it.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(soakVar) == "" {
		if err := flag.Set("test.skip", "Soak"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	os.RemoveAll(ours)
	os.Exit(code)
}

// ours is the directory of the image that the tests built themselves.
var ours string

// Places of the partitions, worked out by hand: 4 MiB before the first one, 96, 128, 128 and 64 MiB.
const (
	mib    = 1 << 20
	bootAt = 4 * mib
	slotAt = 100 * mib
	nextAt = 228 * mib
	dataAt = 356 * mib
	allEnd = 420 * mib
)

// imageDir is where the image is that is looked at.
var imageDir = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(dirVar); dir != "" {
		return dir, nil
	}
	var err error
	if ours, err = os.MkdirTemp("", "packhorse-image"); err != nil {
		return "", err
	}
	_, err = build(context.Background(), options{version: "v0.0.0-test", out: ours, url: "https://example.org/packhorse/"})
	return ours, err
})

// built gives the path of a file of the image; exactly one has to match.
func built(t *testing.T, pattern string) string {
	t.Helper()
	dir, err := imageDir()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s in %s: %v, %v", pattern, dir, found, err)
	}
	return found[0]
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// release is what the image says that it is.
func release(t *testing.T) card.Release {
	t.Helper()
	var r card.Release
	if err := json.Unmarshal(read(t, built(t, "release.json")), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// run calls a program of Debian, which knows nothing of ours, and gives what it printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			t.Fatalf("%s is missing: apt install mtools dosfstools e2fsprogs", name)
		}
	}
	c := exec.Command(path, args...)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=0", "LC_ALL=C.UTF-8", "TZ=UTC")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return string(out)
}

// part copies octets of a file into one of its own.
func part(t *testing.T, path string, at, size int64) string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "part.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if n, err := io.Copy(out, io.NewSectionReader(in, at, size)); n != size || err != nil {
		t.Fatalf("%d of %d octets, %v", n, size, err)
	}
	return out.Name()
}

// fats holds what fatTree read, since several tests look at the same files.
var fats = map[int64]tree{}

// fatTree checks a FAT on the card with fsck.vfat and reads all its files with mtools.
func fatTree(t *testing.T, at, size int64) tree {
	t.Helper()
	if files, ok := fats[at]; ok {
		return files
	}
	img, dir := part(t, built(t, "card.img"), at, size), t.TempDir()
	run(t, "fsck.vfat", "-n", img)
	if strings.TrimSpace(run(t, "mdir", "-b", "-i", img, "::")) != "" {
		run(t, "mcopy", "-s", "-n", "-m", "-i", img, "::*", dir)
	}
	fats[at] = treeOf(t, dir)
	return fats[at]
}

func bootTree(t *testing.T) tree   { t.Helper(); return fatTree(t, bootAt, slotAt-bootAt) }
func systemTree(t *testing.T) tree { t.Helper(); return fatTree(t, slotAt, nextAt-slotAt) }

func treeOf(t *testing.T, dir string) tree {
	t.Helper()
	files := tree{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		files[name] = read(t, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// hexSum is the SHA-256 of all that a reader has, and how much that is.
func hexSum(t *testing.T, r io.Reader) (sum string, size int64) {
	t.Helper()
	h := sha256.New()
	size, err := io.Copy(h, r)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil)), size
}

func fileSum(t *testing.T, path string) (sum string, size int64) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return hexSum(t, f)
}

// gunzip reads one member and makes sure that nothing follows it: the firmware reads no second one.
func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r := bytes.NewReader(b)
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if r.Len() != 0 {
		t.Fatalf("%d octets after the gzip", r.Len())
	}
	return raw
}
