package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/gateway/admin"
)

// serve answers on a socket of the test until it ends.
func serve(t *testing.T, handle func(Request) Reply) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "init.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { Serve(l, handle); close(done) }()
	t.Cleanup(func() { l.Close(); <-done })
	return path
}

func TestAQuestionIsAnswered(t *testing.T) {
	var heard []Request
	path := serve(t, func(q Request) Reply {
		heard = append(heard, q)
		return Reply{OK: true, Status: &Status{Slot: "B"}}
	})
	r, err := AskAt(t.Context(), path, Request{Do: DoReboot, Trial: true, Presence: true})
	if err != nil || r.Status.Slot != "B" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if len(heard) != 1 || heard[0] != (Request{Do: DoReboot, Trial: true}) {
		t.Errorf("heard %+v: presence must not travel", heard)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", fi.Mode(), err)
	}
}

func TestWhatIsRefusedSaysWhatToDo(t *testing.T) {
	path := serve(t, func(q Request) Reply { return Refuse("do that", "no") })
	for _, tc := range []struct{ do, want, fix string }{{DoReset, "somebody at the box", "serial console"}, {DoReboot, "no", "do that"}} {
		_, err := AskAt(t.Context(), path, Request{Do: tc.do})
		var e *admin.Error
		if !errors.As(err, &e) || e.Code != admin.CodeRefused || !strings.Contains(e.Message, tc.want) || !strings.Contains(e.Fix, tc.fix) {
			t.Errorf("%s: %#v", tc.do, err)
		}
	}
}

func TestGarbageIsAnswered(t *testing.T) {
	path := serve(t, func(q Request) Reply { t.Errorf("heard %+v", q); return Reply{} })
	for _, line := range []string{"reboot\n", "{\"do\":7}\n", strings.Repeat("x", 5<<10) + "\n"} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 200)
		n, _ := c.Read(b)
		c.Close()
		if n > 0 && !strings.Contains(string(b[:n]), "not understood") {
			t.Errorf("%.20q: got %q", line, b[:n])
		}
	}
}

func TestWithoutAnInitTheErrorSaysSo(t *testing.T) {
	_, err := AskAt(context.Background(), filepath.Join(t.TempDir(), "none"), Request{Do: DoStatus})
	if e := admin.AsError(err); e.Code != admin.CodeOffline || e.Fix == "" {
		t.Errorf("%#v", err)
	}
}

// TestTheSocketIsMadeWithoutTheMask: other goroutines of process 1 make files meanwhile, and they keep their modes.
func TestTheSocketIsMadeWithoutTheMask(t *testing.T) {
	dir := t.TempDir()
	made, stop := make(chan error), make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				made <- nil
				return
			default:
			}
			path := filepath.Join(dir, fmt.Sprint(n%8))
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				made <- err
				return
			}
			if fi, err := os.Stat(path); err != nil || fi.Mode().Perm()&0o400 == 0 || fi.Mode().Perm()&0o040 == 0 {
				made <- fmt.Errorf("a file of another goroutine: %v, %v", fi.Mode(), err)
				return
			}
			os.Remove(path)
		}
	}()
	for range 2000 {
		l, err := Listen(filepath.Join(dir, "init.sock"))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	close(stop)
	if err := <-made; err != nil {
		t.Error(err)
	}
}
