package courier_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"packhorse/gateway/courier"
	"packhorse/gateway/courier/couriertest"
)

func cargoOf(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("cargo %d ", i)), 100+i) }

// writeAll is an export of three files that goes on where an earlier one ended.
func writeAll(fs *couriertest.FS) error {
	s := courier.New(fs)
	if err := s.Prepare(); err != nil {
		return err
	}
	if _, err := s.Scan(16); err != nil {
		return err
	}
	for i := range 3 {
		if _, err := s.Write(cargoOf(i), courier.Cargo); err != nil {
			return err
		}
	}
	return nil
}

// complete checks that every file that counts is whole, and tells how many there are.
func complete(t *testing.T, fs *couriertest.FS, when string) (n int) {
	t.Helper()
	s := courier.New(fs)
	all, err := s.Scan(16)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	for _, e := range all {
		b, err := s.Read(e.Name)
		if err != nil || courier.Name(b, courier.Cargo) != e.Name {
			t.Fatalf("%s: %s counts and is not whole: %v", when, e.Name, err)
		}
	}
	return len(all)
}

func TestUnpluggedAtEveryOperationNothingIsHalf(t *testing.T) {
	whole := couriertest.New()
	if err := writeAll(whole); err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop <= whole.Ops; stop++ {
		for _, lucky := range []bool{false, true} {
			when := fmt.Sprintf("pulled at operation %d, lucky %v", stop, lucky)
			fs := couriertest.New()
			fs.Stop = stop
			if err := writeAll(fs); err == nil {
				t.Fatalf("%s: the export says that it is done", when)
			}
			again := fs.Replug(lucky)
			before := complete(t, again, when)
			if err := writeAll(again); err != nil {
				t.Fatalf("%s: the next export: %v", when, err)
			}
			if n := complete(t, again, when); n != 3 || before > 3 {
				t.Errorf("%s: %d files after the next export, want 3", when, n)
			}
			for _, path := range again.Files() {
				if strings.HasSuffix(path, ".tmp") {
					t.Errorf("%s: %s is left", when, path)
				}
			}
		}
	}
}

// What was answered as written is there after the stick was pulled.
func TestWrittenMeansDurable(t *testing.T) {
	whole := couriertest.New()
	writeAll(whole)
	for stop := 1; stop <= whole.Ops; stop++ {
		fs := couriertest.New()
		fs.Stop = stop
		s := courier.New(fs)
		done := 0
		if s.Prepare() == nil {
			for i := range 3 {
				if _, err := s.Write(cargoOf(i), courier.Cargo); err == nil {
					done++
				}
			}
		}
		if n := complete(t, fs.Replug(false), fmt.Sprint("pulled at ", stop)); n != done {
			t.Errorf("pulled at operation %d: %d files there, %d were answered for", stop, n, done)
		}
	}
}

func TestAnErrorAtEveryOperationIsToldAndMended(t *testing.T) {
	whole := couriertest.New()
	writeAll(whole)
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		for at := 1; at <= whole.Ops; at++ {
			fs := couriertest.New()
			fs.Fail = func(op int, what string) error {
				if op == at {
					return errno
				}
				return nil
			}
			err := writeAll(fs)
			if err == nil || !errors.Is(err, errno) || errors.Is(err, courier.ErrFull) != (errno == syscall.ENOSPC) {
				t.Fatalf("%v at operation %d: got %v", errno, at, err)
			}
			if err := writeAll(fs); err != nil || complete(t, fs, fmt.Sprint(errno, at)) != 3 {
				t.Fatalf("%v at operation %d: the next export: %v", errno, at, err)
			}
		}
	}
}

func TestAFullStickKeepsWhatIsWhole(t *testing.T) {
	whole := couriertest.New()
	writeAll(whole)
	fs := couriertest.New()
	for _, path := range whole.Files() {
		fs.Size += int64(len(*whole.Content(path)))
	}
	fs.Size--
	if err := writeAll(fs); !errors.Is(err, courier.ErrFull) {
		t.Fatalf("got %v, want %v", err, courier.ErrFull)
	}
	if n := complete(t, fs, "full"); n != 2 {
		t.Errorf("%d files, want the 2 that fit", n)
	}
	for _, path := range fs.Files() {
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s takes room", path)
		}
	}
}

func TestADamagedFileIsWrittenAnew(t *testing.T) {
	fs := couriertest.New()
	if err := writeAll(fs); err != nil {
		t.Fatal(err)
	}
	name := courier.Name(cargoOf(1), courier.Cargo)
	b := fs.Content(name[:1] + "/" + name)
	*b = (*b)[:10]
	if err := writeAll(fs); err != nil || complete(t, fs, "mended") != 3 {
		t.Fatalf("got %v", err)
	}
}

func TestAThousandFilesADirectory(t *testing.T) {
	s := courier.New(couriertest.New())
	written := 0
	for i := 0; ; i++ {
		content := fmt.Appendf(nil, "file %d", i)
		if courier.Name(content, courier.Bundle)[0] != 'a' {
			continue
		}
		_, err := s.Write(content, courier.Bundle)
		if errors.Is(err, courier.ErrFull) {
			break
		}
		if written++; err != nil || written > 1000 {
			t.Fatalf("file %d: %v", written, err)
		}
	}
	if written != 1000 {
		t.Errorf("full after %d files, want 1000", written)
	}
}

// open opens a real directory.
func open(t *testing.T, dir string, make bool) *courier.Stick {
	t.Helper()
	s, err := courier.Open(dir, make)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestOnARealDirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := courier.Open(dir, false); !errors.Is(err, courier.ErrNoCargo) {
		t.Fatalf("an empty stick: got %v", err)
	}
	s := open(t, dir, true)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	name, err := s.Write(cargoOf(1), courier.CCA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := courier.Open(dir, true); !errors.Is(err, courier.ErrBusy) {
		t.Errorf("a second export at once: got %v, want %v", err, courier.ErrBusy)
	}
	got, err := os.ReadFile(filepath.Join(dir, courier.Dir, name[:1], name))
	if err != nil || !bytes.Equal(got, cargoOf(1)) {
		t.Errorf("got %d octets, %v", len(got), err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, courier.Dir, "README.txt")); err != nil || !strings.Contains(string(text), "Packhorse") {
		t.Errorf("README.txt: %v", err)
	}
	if room, block, err := s.Room(); err != nil || room <= 0 || block <= 0 {
		t.Errorf("room %d in %d: %v", room, block, err)
	}
	all, err := s.Scan(10)
	if err != nil || len(all) != 1 || all[0].Size != int64(len(cargoOf(1))) || len(all[0].Head) != 10 {
		t.Errorf("got %+v, %v", all, err)
	}
	if err := s.Remove(name, name, "../../etc/passwd", "x"); err != nil {
		t.Error(err)
	}
	if all, _ := s.Scan(10); len(all) != 0 {
		t.Errorf("%d files are left", len(all))
	}
}

// A stick may hold anything: what is no regular file with a name of ours is never opened, or not read past the limit.
func TestHostileDirectory(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	base := filepath.Join(dir, courier.Dir)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(base, "a"), 0o755))
	must(os.WriteFile(secret, []byte("root:x"), 0o600))
	name := func(i int, ext string) string { return fmt.Sprintf("a%015d%s", i, ext) }
	in := func(n string) string { return filepath.Join(base, "a", n) }
	must(os.Symlink(secret, in(name(1, ".crg"))))
	must(unix.Mkfifo(in(name(2, ".crg")), 0o644))
	must(os.Mkdir(in(name(3, ".crg")), 0o755))
	must(os.Symlink("/dev/zero", in(name(4, ".bnd"))))
	must(os.WriteFile(in(name(5, ".crg")), nil, 0o644))
	must(os.Truncate(in(name(5, ".crg")), 1<<40))
	must(os.WriteFile(in(name(6, ".exe")), []byte("MZ"), 0o644))
	must(os.WriteFile(in("A"+name(7, ".crg")[1:]), []byte("x"), 0o644))
	must(os.WriteFile(in("b"+name(7, ".crg")[1:]), []byte("x"), 0o644))
	must(os.Symlink(dir, filepath.Join(base, "b")))
	must(os.WriteFile(filepath.Join(base, "c"), []byte("x"), 0o644))
	must(unix.Mkfifo(filepath.Join(base, "d"), 0o644))
	must(os.WriteFile(in(name(8, ".crg")), []byte("good"), 0o644))
	s := open(t, dir, true)
	must(s.Prepare())
	all, err := s.Scan(100)
	must(err)
	good := 0
	for _, e := range all {
		b, err := s.Read(e.Name)
		if err == nil {
			good++
		}
		if string(b) == "root:x" || string(e.Head) == "root:x" {
			t.Errorf("%s was read through a link", e.Name)
		}
		if (err == nil) != (e.Name == name(8, ".crg")) {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	if good != 1 || len(all) != 6 {
		t.Errorf("%d of %d files could be read, want 1 of 6", good, len(all))
	}
	if b, err := os.ReadFile(secret); err != nil || string(b) != "root:x" {
		t.Errorf("the file outside: %q, %v", b, err)
	}
}

func TestASymlinkInPlaceOfTheDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, courier.Dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := courier.Open(dir, true); err == nil {
		t.Error("it is followed")
	}
}
