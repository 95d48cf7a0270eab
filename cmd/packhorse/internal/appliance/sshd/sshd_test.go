package sshd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestMain leaves out the tests with OpenSSH where it is not installed.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := exec.LookPath("ssh"); err != nil {
		if err := flag.Set("test.skip", "OpenSSH"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

var silent = slog.New(slog.DiscardHandler)

// person has a key.
type person struct {
	ssh.Signer
	private ed25519.PrivateKey
}

func newPerson(t *testing.T) person {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return person{s, private}
}

func (p person) line() string { return string(ssh.MarshalAuthorizedKey(p.PublicKey())) }

// box is a server that echoes words, input and what else it was given.
func box(t *testing.T, owner person) (addr string, host ssh.PublicKey) {
	t.Helper()
	key, err := hostKey(filepath.Join(t.TempDir(), "key"), silent)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := parseKeys([]string{owner.line()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{cfg: Config{Run: play, Console: prompt}, log: silent, ssh: serverConfig(key, keys), places: make(chan struct{}, maxConns)}
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), key.PublicKey()
}

// play is what the init's sessions do, for the tests.
func play(ctx context.Context, c Command) int {
	switch c.Line {
	case "panic":
		panic("a stranger's octets")
	case "sleep":
		fmt.Fprintln(c.Stdout, "sleeping")
		<-ctx.Done()
		return 130
	case "cat":
		if _, err := io.Copy(c.Stdout, c.Stdin); err != nil {
			return 1
		}
		return 0
	}
	fmt.Fprintf(c.Stdout, "%s: %s\nterminal %v %dx%d\n", c.User, c.Line, c.Terminal, c.Columns, c.Rows)
	fmt.Fprintln(c.Stderr, "warned")
	return 7
}

func prompt(ctx context.Context, c Command, line io.ReadWriter) error {
	fmt.Fprintf(line, "%s> ", c.User)
	for s := bufio.NewScanner(line); s.Scan(); {
		fmt.Fprintf(line, "did %s\n", s.Text())
		if s.Text() == "fail" {
			return errors.New("failed")
		}
	}
	return nil
}

func dial(t *testing.T, addr string, host ssh.PublicKey, user string, who ...ssh.Signer) (*ssh.Client, error) {
	t.Helper()
	c, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(who...)}, HostKeyCallback: ssh.FixedHostKey(host)})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func open(t *testing.T) *ssh.Client {
	t.Helper()
	owner := newPerson(t)
	addr, host := box(t, owner)
	c, err := dial(t, addr, host, "packhorse", owner)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSession(t *testing.T, c *ssh.Client) *ssh.Session {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func exitOf(err error) int {
	var e *ssh.ExitError
	if errors.As(err, &e) {
		return e.ExitStatus()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestACommand(t *testing.T) {
	s := newSession(t, open(t))
	var out, errs bytes.Buffer
	s.Stdout, s.Stderr = &out, &errs
	if err := s.Run(`send clinic "two words"`); exitOf(err) != 7 {
		t.Errorf("ended with %v", err)
	}
	if out.String() != "packhorse: send clinic \"two words\"\nterminal false 0x0\n" || errs.String() != "warned\n" {
		t.Errorf("out %q, err %q", out.String(), errs.String())
	}
}

func TestAFileAsInput(t *testing.T) {
	s := newSession(t, open(t))
	file := bytes.Repeat([]byte("a\r\nb\x03\x04\x00"), 200_000)
	s.Stdin = bytes.NewReader(file)
	got, err := s.Output("cat")
	if err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d octets of %d came back, %v", len(got), len(file), err)
	}
}

func TestAtATerminal(t *testing.T) {
	s := newSession(t, open(t))
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	got, err := s.Output("status")
	if string(got) != "packhorse: status\r\nterminal true 80x24\r\nwarned\r\n" || exitOf(err) != 7 {
		t.Errorf("%q, %v", got, err)
	}
}

// started gives a session whose command sleeps, and its keys.
func started(t *testing.T, c *ssh.Client, pty bool) (*ssh.Session, io.Writer) {
	t.Helper()
	s := newSession(t, c)
	keys, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if pty {
		if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Start("sleep"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); !strings.HasPrefix(line, "sleeping") {
		t.Fatal(line, err)
	}
	return s, keys
}

func TestWhatPanicsEndsAlone(t *testing.T) {
	c := open(t)
	if err := newSession(t, c).Run("panic"); exitOf(err) == 0 {
		t.Error("a command that panicked was well")
	}
	if err := newSession(t, c).Run("status"); exitOf(err) != 7 {
		t.Errorf("the next one: %v", err)
	}
}

func TestInterrupt(t *testing.T) {
	c := open(t)
	s, keys := started(t, c, true)
	fmt.Fprint(keys, "x\x04y\x03")
	if code := exitOf(s.Wait()); code != 130 {
		t.Errorf("Ctrl-C: exit %d", code)
	}
	s, _ = started(t, c, false)
	if err := s.Signal(ssh.SIGINT); err != nil {
		t.Error(err)
	}
	if code := exitOf(s.Wait()); code != 130 {
		t.Errorf("a signal: exit %d", code)
	}
}

func TestKeysOfATerminal(t *testing.T) {
	s := newSession(t, open(t))
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	s.Stdin = strings.NewReader("one\rtwo\r\x04three")
	if got, err := s.Output("cat"); string(got) != "one\r\ntwo\r\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestConsole(t *testing.T) {
	c := open(t)
	for input, want := range map[string]int{"status\n": 0, "fail\n": 1} {
		s := newSession(t, c)
		var out bytes.Buffer
		s.Stdin, s.Stdout = strings.NewReader(input), &out
		if err := s.Shell(); err != nil {
			t.Fatal(err)
		}
		if code := exitOf(s.Wait()); code != want || out.String() != "packhorse> did "+input {
			t.Errorf("%q: exit %d, %q", input, code, out.String())
		}
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	owner, stranger := newPerson(t), newPerson(t)
	addr, host := box(t, owner)
	if _, err := dial(t, addr, host, "packhorse", stranger); err == nil {
		t.Error("a stranger's key")
	}
	if _, err := dial(t, addr, host, "pi", owner); err == nil {
		t.Error("another user")
	}
	if _, err := dial(t, addr, host, "root", stranger, owner); err != nil {
		t.Errorf("the second key: %v", err)
	}
	var many []ssh.Signer
	for range maxTries {
		many = append(many, newPerson(t))
	}
	if _, err := dial(t, addr, host, "root", append(many, owner)...); err == nil {
		t.Error("as many keys as somebody likes")
	}
	_, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.Password("")}, HostKeyCallback: ssh.FixedHostKey(host)})
	if err == nil {
		t.Error("a password")
	}
}

func TestNothingButCommands(t *testing.T) {
	c := open(t)
	if _, err := c.Dial("tcp", "127.0.0.1:1"); err == nil {
		t.Error("forwards connections")
	}
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("listens for others")
	}
	s := newSession(t, c)
	if err := s.RequestSubsystem("sftp"); err == nil {
		t.Error("serves files")
	}
	if err := s.Setenv("LD_PRELOAD", "x"); err == nil {
		t.Error("takes an environment")
	}
	if err := s.Start(strings.Repeat("x", maxLine+1)); err == nil {
		t.Error("a line of any length")
	}
	if got, err := newSession(t, c).Output("status"); len(got) == 0 || exitOf(err) != 7 {
		t.Errorf("and afterwards: %q, %v", got, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	owner := newPerson(t)
	addr, host := box(t, owner)
	c, err := dial(t, addr, host, "packhorse", owner)
	if err != nil {
		t.Fatal(err)
	}
	for range maxSessions {
		started(t, c, false)
	}
	if _, err := c.NewSession(); err == nil {
		t.Error("one session too many")
	}
	for range maxConns - 1 {
		if _, err := dial(t, addr, host, "packhorse", owner); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(t, addr, host, "packhorse", owner); err == nil {
		t.Error("one connection too many")
	}
}

// TestTheLineBreaks has a client that is gone: the command ends, and its place is free.
func TestTheLineBreaks(t *testing.T) {
	owner := newPerson(t)
	key, err := newHostKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 1)
	s := &server{cfg: Config{Run: func(ctx context.Context, c Command) int { n := play(ctx, c); ended <- n; return n }}, log: silent,
		ssh: serverConfig(key, map[string]string{string(owner.PublicKey().Marshal()): ""})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if there, err := l.Accept(); err == nil {
			s.conn(context.Background(), there)
		}
	}()
	here, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, channels, requests, err := ssh.NewClientConn(here, "box", &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(owner)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	started(t, ssh.NewClient(conn, channels, requests), false)
	here.Close()
	<-done
	if n := <-ended; n != 130 {
		t.Errorf("ended with %d", n)
	}
}

func TestHostKeyStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	first, err := hostKey(file, silent)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(file); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", i, err)
	}
	again, err := hostKey(file, silent)
	if err != nil || !bytes.Equal(first.PublicKey().Marshal(), again.PublicKey().Marshal()) {
		t.Errorf("another key after a restart: %v", err)
	}
	if err := os.WriteFile(file, []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := hostKey(file, silent); err != nil || bytes.Equal(s.PublicKey().Marshal(), first.PublicKey().Marshal()) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := os.Stat(file + ".damaged"); err != nil {
		t.Error(err)
	}
	if _, err := hostKey(filepath.Join(file, "no"), silent); err == nil {
		t.Error("no directory, and a key")
	}
}

func TestParseKey(t *testing.T) {
	good := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newPerson(t).PublicKey())))
	if _, comment, err := ParseKey(good + " me@home"); err != nil || comment != "me@home" {
		t.Errorf("%q, %v", comment, err)
	}
	for what, line := range map[string]string{"nothing": "", "a private key": "-----BEGIN OPENSSH PRIVATE KEY-----", "options": `from="10.0.0.1" ` + good, "two keys": good + "\n" + good, "cut off": good[:40]} {
		if _, _, err := ParseKey(line); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func TestWithoutKeysThereIsNoServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, Config{Listen: "127.0.0.1:0", HostKey: filepath.Join(t.TempDir(), "no", "key")}, silent); err != nil {
		t.Error(err)
	}
}

// TestRealOpenSSH is how people come: OpenSSH's own client, a file as input, and the exit code.
func TestRealOpenSSH(t *testing.T) {
	owner := newPerson(t)
	addr, host := box(t, owner)
	dir := t.TempDir()
	block, err := ssh.MarshalPrivateKey(owner.private, "")
	if err != nil {
		t.Fatal(err)
	}
	at, port, _ := net.SplitHostPort(addr)
	for name, text := range map[string]string{"id": string(pem.EncodeToMemory(block)), "known": fmt.Sprintf("[%s]:%s %s", at, port, ssh.MarshalAuthorizedKey(host))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(input string, words ...string) (string, int) {
		c := exec.Command("ssh", append([]string{"-F", "none", "-i", filepath.Join(dir, "id"), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
			"-o", "UserKnownHostsFile=" + filepath.Join(dir, "known"), "-o", "StrictHostKeyChecking=yes", "-p", port, "packhorse@" + at}, words...)...)
		c.Stdin = strings.NewReader(input)
		out, err := c.Output()
		if e := (*exec.ExitError)(nil); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		return string(out), c.ProcessState.ExitCode()
	}
	if out, code := run("", "status", "--json"); code != 7 || out != "packhorse: status --json\nterminal false 0x0\n" {
		t.Errorf("%q, exit %d", out, code)
	}
	if out, code := run("a file", "cat"); code != 0 || out != "a file" {
		t.Errorf("%q, exit %d", out, code)
	}
	if out, code := run("status\n"); code != 0 || out != "packhorse> did status\n" {
		t.Errorf("%q, exit %d", out, code)
	}
}
