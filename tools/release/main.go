// Command release builds the static binaries for every board, checks that they are static, and writes them to dist
// with their SHA-256 sums, a bill of materials and the terms of what is in them. The same source gives the same octets, wherever it lies. Run it
// from the top of the tree: go run ./tools/release [-version V] [-out DIRECTORY] [-only linux-arm64,...] [-again]
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is one kind of board, with the variable that chooses its instruction set.
type target struct{ name, arch, level string }

var targets = []target{
	{"linux-arm6", "arm", "GOARM=6"}, // Pi Zero, Zero W, 1
	{"linux-arm7", "arm", "GOARM=7"},
	{"linux-arm64", "arm64", "GOARM64=v8.0"},
	{"linux-riscv64", "riscv64", "GORISCV64=rva20u64"},
	{"linux-amd64", "amd64", "GOAMD64=v1"},
}

func main() {
	var o options
	flag.StringVar(&o.version, "version", "dev", "what the binaries call themselves")
	flag.StringVar(&o.out, "out", "dist", "where they are put")
	flag.BoolVar(&o.again, "again", false, "build all a second time, from a copy of the tree, and compare")
	only := flag.String("only", "", "comma-separated targets; empty builds all")
	flag.Parse()
	err := o.choose(*only)
	if err == nil {
		err = o.release()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

type options struct {
	version, out string
	again        bool
	targets      []target
}

// choose takes targets by name.
func (o *options) choose(only string) error {
	o.targets = targets
	if only == "" {
		return nil
	}
	o.targets = nil
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(targets, func(t target) bool { return t.name == name })
		if i < 0 {
			return fmt.Errorf("there is no target %q: take linux-arm6, linux-arm7, linux-arm64, linux-riscv64 or linux-amd64", name)
		}
		o.targets = append(o.targets, targets[i])
	}
	return nil
}

func (o *options) release() error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	files, err := o.buildAll(".", o.out)
	if err != nil {
		return err
	}
	beside, err := o.describe(files)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.out, "SHA256SUMS"), []byte(sums(slices.Concat(files, beside))), 0o644); err != nil {
		return err
	}
	if !o.again {
		return nil
	}
	return o.compare(files)
}

// describe writes what goes along with binaries: the bill of materials, and the terms of what is in them.
func (o *options) describe(files []file) ([]file, error) {
	at, err := madeAt()
	if err != nil {
		return nil, err
	}
	materials, err := bill(o.version, at, files)
	if err != nil {
		return nil, err
	}
	terms, err := licences(files)
	if err != nil {
		return nil, err
	}
	var beside []file
	for _, f := range []struct {
		ending string
		text   []byte
	}{{".cdx.json", materials}, {"-licences.txt", terms}} {
		name := "packhorse-" + o.version + f.ending
		if err := os.WriteFile(filepath.Join(o.out, name), f.text, 0o644); err != nil {
			return nil, err
		}
		beside = append(beside, file{name: name, sum: sha256.Sum256(f.text)})
	}
	return beside, nil
}

// licences has tools/licences look into the binaries.
func licences(files []file) ([]byte, error) {
	args := []string{"run", "./tools/licences"}
	for _, f := range files {
		args = append(args, f.path)
	}
	c := exec.Command("go", args...)
	var complaint strings.Builder
	c.Stderr = &complaint
	b, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", c, err, complaint.String())
	}
	return b, nil
}

// file is one that was built.
type file struct {
	name, path string
	sum        [sha256.Size]byte
}

func sums(files []file) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "%x  %s\n", f.sum, f.name)
	}
	return b.String()
}

// buildAll builds the tree in dir into out.
func (o *options) buildAll(dir, out string) ([]file, error) {
	var files []file
	for _, t := range o.targets {
		f := file{name: "packhorse-" + o.version + "-" + t.name}
		var err error
		if f.path, err = filepath.Abs(filepath.Join(out, f.name)); err != nil {
			return nil, err
		}
		if err := t.build(dir, f.path, o.version); err != nil {
			return nil, err
		}
		b, err := os.ReadFile(f.path)
		if err != nil {
			return nil, err
		}
		f.sum = sha256.Sum256(b)
		fmt.Printf("%s  %.1f MB\n", filepath.Join(out, f.name), float64(len(b))/1e6)
		files = append(files, f)
	}
	return files, nil
}

// build leaves out what differs between places and machines: paths, and the state of the version control.
func (t target) build(dir, path, version string) error {
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags=grpcnotrace", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/packhorse")
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux", "GOARCH="+t.arch, t.level)
	if b, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", t.name, err, b)
	}
	return static(path)
}

// madeAt is the time of the source: SOURCE_DATE_EPOCH (reproducible-builds.org), else that of the commit, else 1970.
func madeAt() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		b, err := exec.Command("git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Unix(0, 0).UTC(), nil // no git here, or no commit
		}
		text = strings.TrimSpace(string(b))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: give the seconds since 1970", text)
	}
	return time.Unix(n, 0).UTC(), nil
}
