//go:build linux

package boards

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
)

// archive is a tar of one file.
func archive(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// deb is a package with one file, its ar written by hand after ar(5).
func deb(t *testing.T, name string, content []byte) string {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(archive(t, name, content)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", []byte("odd")}, {"data.tar.gz", z.Bytes()}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	path := filepath.Join(t.TempDir(), "packhorse.deb")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPackageIsDeployedByTheHashOfItsBinary(t *testing.T) {
	dir, handle := debian(t)
	n := open(t, serve(t, handle).about(benchfile.Deb)).Nodes()[0]
	fresh := []byte("#!/bin/sh\necho packaged\n")
	if err := os.WriteFile(filepath.Join(dir, "unpacked"), fresh, 0o755); err != nil {
		t.Fatal(err)
	}
	a, err := hil.Describe(deb(t, "./usr/bin/packhorse", fresh))
	if err != nil || a.Kind != hil.Package {
		t.Fatal(a, err)
	}
	if err := n.Deploy(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "packhorse")); !bytes.Equal(b, fresh) {
		t.Errorf("installed is %q", b)
	}
	// It runs already: dpkg, which would fail now, is not asked.
	if err := os.WriteFile(filepath.Join(dir, "broken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Deploy(t.Context(), a); err != nil {
		t.Error(err)
	}
	other, _ := hil.Describe(deb(t, "usr/bin/packhorse", []byte("newer")))
	if err := n.Deploy(t.Context(), other); err == nil || !strings.Contains(err.Error(), "dpkg: error") {
		t.Errorf("got %v", err)
	}
}

func TestFilesThatAreNoPackagesAreRefused(t *testing.T) {
	good, err := os.ReadFile(deb(t, "usr/bin/packhorse", []byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "p.deb")
	for _, b := range [][]byte{nil, []byte("!<arch>\n"), []byte("PK\x03\x04zip file"), good[:100], good[:len(good)-30], bytes.Replace(good, []byte("data.tar.gz "), []byte("data.tar.xz "), 1),
		bytes.Replace(good, []byte("4         `"), []byte("-4        `"), 1)} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := packagedBinary(path); err == nil {
			t.Errorf("%d octets: hash %s", len(b), got)
		}
	}
	if _, err := packagedBinary(deb(t, "usr/bin/other", []byte("x"))); err == nil || !strings.Contains(err.Error(), binaryIn) {
		t.Errorf("got %v", err)
	}
}

// TestAnUpdateIsDeployedByItsBuild plays an appliance that restarts into what it was given.
func TestAnUpdateIsDeployedByItsBuild(t *testing.T) {
	build, result, updates, stays, asked := "00000001", "", 0, true, 0
	s := serve(t, func(command string, stdin io.Reader, out, errs io.Writer) int {
		switch command {
		case "update - --json":
			updates++
			b, err := io.ReadAll(stdin)
			if err != nil || !bytes.Contains(b, []byte(`"build":"000000ff"`)) {
				fmt.Fprintln(errs, "no update file")
				return 2
			}
			result, asked = "it went wrong", 0
			if stays {
				build, result = "000000ff", ""
			}
		case "update --status --json":
			asked++ // at first it is on trial
			fmt.Fprintf(out, `{"trial":%v,"running":{"version":"v2","build":%q},"result":%q}`+"\n", updates > 0 && asked == 1, build, result)
		}
		return 0
	})
	n := open(t, s.about(benchfile.Appliance)).Nodes()[0]
	path := filepath.Join(t.TempDir(), "new.phup")
	if err := os.WriteFile(path, archive(t, "manifest.json", []byte(`{"format":"packhorse-update/1","build":"000000ff"}`)), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := hil.Describe(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := n.Deploy(t.Context(), a); err != nil || updates != 1 {
			t.Fatalf("%v after %d updates, want one", err, updates)
		}
	}
	build, result, stays = "00000001", "", false
	if err := n.Deploy(t.Context(), a); err == nil || !strings.Contains(err.Error(), "did not stay: it went wrong") {
		t.Errorf("an update that was rolled back: %v", err)
	}
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := n.Deploy(t.Context(), a); err == nil || !strings.Contains(err.Error(), "no update file") {
		t.Errorf("got %v", err)
	}
}
