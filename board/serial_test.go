package board

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// pty is a pseudo-terminal: the far end, and the path by which to open the near one.
func pty(t *testing.T) (*os.File, string) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	return far, fmt.Sprintf("/dev/pts/%d", n)
}

func TestSerialIsEightBitClean(t *testing.T) {
	far, path := pty(t)
	defer far.Close()
	s, err := OpenSerial(path, 115200)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	got := make([]byte, 256)
	if _, err := s.Write(all); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, all) {
		t.Errorf("out: got % x, %v", got, err)
	}
	if _, err := far.Write(all); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, all) {
		t.Errorf("in: got % x, %v", got, err)
	}
}

func TestSerialIsLockedByAnyName(t *testing.T) {
	far, path := pty(t)
	defer far.Close()
	link := filepath.Join(t.TempDir(), "by-id")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSerial(link, 115200)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSerial(path, 115200); !errors.Is(err, ErrSerialBusy) {
		t.Errorf("second opener: got %v, want ErrSerialBusy", err)
	}
	s.Close()
	again, err := OpenSerial(path, 115200)
	if err != nil {
		t.Fatalf("after close: %v", err)
	}
	again.Close()
}

func TestSerialUnplugged(t *testing.T) {
	far, path := pty(t)
	s, err := OpenSerial(path, 115200)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	far.Close()
	if n, err := s.Read(make([]byte, 8)); err == nil {
		t.Errorf("got %d octets and no error from an unplugged port", n)
	}
}

func TestSerialCloseWakesRead(t *testing.T) {
	far, path := pty(t)
	defer far.Close()
	s, err := OpenSerial(path, 115200)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Read(make([]byte, 8))
		done <- err
	}()
	s.Close()
	if err := <-done; err == nil {
		t.Error("got no error from a read on a closed port")
	}
	if _, err := s.Write([]byte{1}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("write after close: got %v, want ErrClosed", err)
	}
}

func TestSerialErrorsSayWhatToDo(t *testing.T) {
	if _, err := OpenSerial("/dev/no-such-port", 115200); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "plugged in") {
		t.Errorf("missing: got %v", err)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSerial(plain, 115200); err == nil || !strings.Contains(err.Error(), plain) {
		t.Errorf("a plain file: got %v, want an error naming it", err)
	}
}

// stuck is a line whose Write never returns, as a flow-controlled port's may not.
type stuck struct {
	net.Conn
	release chan struct{}
}

func (s *stuck) Write([]byte) (int, error) { <-s.release; return 0, io.ErrClosedPipe }

func TestSerialGivesUpOnAStuckLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		line := &stuck{near, make(chan struct{})}
		s := newSerial(line, nil)
		start := time.Now()
		if _, err := s.Write([]byte("x")); !errors.Is(err, ErrSerialStuck) {
			t.Errorf("got %v, want ErrSerialStuck", err)
		}
		if _, err := s.Write([]byte("y")); !errors.Is(err, ErrSerialStuck) {
			t.Errorf("second write: got %v, want ErrSerialStuck", err)
		}
		s.Close()
		if got, want := time.Since(start), 2*writeStall+closeWait; got != want {
			t.Errorf("took %v, want %v", got, want)
		}
		close(line.release)
		far.Close()
	})
}

func TestSerialWritesInSmallChunks(t *testing.T) {
	near, far := net.Pipe()
	s := newSerial(near, nil)
	defer s.Close()
	sizes := make(chan int, 8)
	go func() {
		for {
			n, err := far.Read(make([]byte, 1024))
			if err != nil {
				close(sizes)
				return
			}
			sizes <- n
		}
	}()
	if n, err := s.Write(make([]byte, 2*writeChunk+1)); n != 2*writeChunk+1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	far.Close()
	for _, want := range []int{writeChunk, writeChunk, 1} {
		if got := <-sizes; got != want {
			t.Errorf("got a chunk of %d, want %d", got, want)
		}
	}
}

func TestListSerialPrefersLastingNames(t *testing.T) {
	dev := t.TempDir()
	byID := filepath.Join(dev, "serial", "by-id")
	if err := os.MkdirAll(byID, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ttyUSB0", "ttyACM1", "ttyS0"} {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"usb-RNode": "../../ttyACM1", "usb-gone": "../../ttyUSB9"} {
		if err := os.Symlink(target, filepath.Join(byID, link)); err != nil {
			t.Fatal(err)
		}
	}
	got := ListSerial(dev)
	want := []SerialPort{
		{Path: filepath.Join(byID, "usb-RNode"), Device: filepath.Join(dev, "ttyACM1")},
		{Path: filepath.Join(dev, "ttyUSB0"), Device: filepath.Join(dev, "ttyUSB0")},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestClockQuality(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		now  time.Time
		sync bool
		want ClockQuality
	}{{now, true, ClockNTP}, {now, false, ClockSet}, {time.Unix(0, 0), false, ClockNone}, {time.Unix(0, 0), true, ClockNone}} {
		if got := clockQuality(c.now, c.sync); got != c.want {
			t.Errorf("%v synchronised %v: got %v, want %v", c.now, c.sync, got, c.want)
		}
	}
}

func TestSerialChangesItsRate(t *testing.T) {
	far, path := pty(t)
	s, err := OpenSerial(path, 9600)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tc := range []struct {
		baud int
		want uint32
	}{{115200, unix.B115200}, {9600, unix.B9600}} {
		if err := s.SetBaud(tc.baud); err != nil {
			t.Fatal(err)
		}
		mode, err := unix.IoctlGetTermios(int(far.Fd()), unix.TCGETS)
		if err != nil || mode.Cflag&unix.CBAUD != tc.want {
			t.Errorf("%d baud: the line is at %o (%v), want %o", tc.baud, mode.Cflag&unix.CBAUD, err, tc.want)
		}
	}
	near, _ := net.Pipe()
	pipe := newSerial(near, nil)
	defer pipe.Close()
	if err := pipe.SetBaud(9600); err == nil {
		t.Error("a line without a rate: got no error")
	}
}
