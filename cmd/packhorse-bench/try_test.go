package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/ssh"
)

func TestTryNeedsAnImage(t *testing.T) {
	w := newWorld(t)
	image := filepath.Join(w.dir, "card.img")
	w.env[imageVar] = image
	w.want(2, "there is no card image "+image, "try")
	if !strings.Contains(w.err, "fix: build one with make image") {
		t.Error(w.err)
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.want(2, "there is no file /nonexistent.toml", "try", "--config", "/nonexistent.toml")
	for _, n := range []string{"0", "5"} {
		w.want(2, "fix: --boxes 1 to 4", "try", "--boxes", n)
	}
}

// TestTypedUntilTheEndKey hands all on as it is, Ctrl-C too, and nothing behind Ctrl-].
func TestTypedUntilTheEndKey(t *testing.T) {
	for in, want := range map[string]string{"status\r\x03": "status\r\x03", "log\r\x1dreset\r": "log\r", "\x1d": "", "": ""} {
		var got bytes.Buffer
		typed(iotest.OneByteReader(strings.NewReader(in)), func(b []byte) { got.Write(b) })
		if got.String() != want {
			t.Errorf("%q by octets: %q", in, got.String())
		}
		got.Reset()
		typed(strings.NewReader(in), func(b []byte) { got.Write(b) })
		if got.String() != want {
			t.Errorf("%q: %q", in, got.String())
		}
	}
}

// TestTheOptionsOfTry puts a file on the card as it is, or else one that lets the drawn key in.
func TestTheOptionsOfTry(t *testing.T) {
	w := newWorld(t)
	o, err := (&trying{boxes: 2}).options(filepath.Join(w.dir, "keep"))
	if err != nil || strings.Join(o.Nodes, " ") != "a b" {
		t.Fatal(o.Nodes, err)
	}
	b, err := os.ReadFile(filepath.Join(o.Dir, "ssh_key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	if text := string(o.Config("b")); !strings.Contains(text, line) || !strings.Contains(text, `name = "b"`) {
		t.Errorf("the key of the file %s is not let in:\n%s", line, text)
	}
	if strings.Contains(string(o.Config("a")), "bandwidth_hz") {
		t.Error("the radio does not take the plan of the region: up --region EU868 is refused")
	}
	own := "\ufeffname = \"x\"\r\n"
	w.write(own)
	if o, err = (&trying{boxes: 1, config: w.file}).options(w.dir); err != nil || string(o.Config("a")) != own {
		t.Error(err)
	}
}

// TestTheScreenNamesBoxesForSSH keeps what all boxes said of themselves, the last word of each.
func TestTheScreenNamesBoxesForSSH(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	s := &screen{out: &out, err: &errs}
	for _, v := range [][2]string{{"b", "127.0.0.1:4"}, {"a", "127.0.0.1:2"}, {"a", "127.0.0.1:3"}} {
		s.reached(dir)(v[0], v[1])
	}
	b, err := os.ReadFile(filepath.Join(dir, "ssh_config"))
	if err != nil || strings.Count(string(b), "Host ") != 2 || strings.Contains(string(b), "Port 2\n") {
		t.Errorf("%v\n%s", err, b)
	}
	if want := "Host a\n\tHostName 127.0.0.1\n\tPort 3\n\tUser packhorse\n\tIdentityFile \"" + filepath.Join(dir, "ssh_key") + "\"\n"; !strings.HasPrefix(string(b), want) {
		t.Errorf("got:\n%s", b)
	}
	if want := "ssh -F " + filepath.Join(dir, "ssh_config") + " b status"; !strings.Contains(errs.String(), want) {
		t.Errorf("%s", errs.String())
	}
	s.watch("a")("b", []byte("no"))
	s.watch("a")("a", []byte("\x1b[Kyes"))
	if out.String() != "\x1b[Kyes" {
		t.Errorf("%q", out.String())
	}
}
