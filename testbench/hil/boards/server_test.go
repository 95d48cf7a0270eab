//go:build linux

package boards

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil/benchfile"
)

// server is an SSH server in this process. What commands do is the test's matter.
type server struct {
	t       *testing.T
	listen  net.Listener
	config  *ssh.ServerConfig
	host    ssh.Signer
	keyFile string
	handle  func(command string, stdin io.Reader, out, errs io.Writer) int

	mu    sync.Mutex
	conns []net.Conn
	said  []string // commands that came
	wg    sync.WaitGroup
}

func key(t *testing.T, seed byte) (ssh.Signer, []byte) {
	t.Helper()
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(seed), ed25519.SeedSize)))
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return signer, pem.EncodeToMemory(block)
}

func serve(t *testing.T, handle func(string, io.Reader, io.Writer, io.Writer) int) *server {
	t.Helper()
	s := &server{t: t, handle: handle, keyFile: filepath.Join(t.TempDir(), "key")}
	host, _ := key(t, 'h')
	user, text := key(t, 'u')
	if err := os.WriteFile(s.keyFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.host = host
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "pi" || string(k.Marshal()) != string(user.PublicKey().Marshal()) {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	s.config.AddHostKey(host)
	var err error
	if s.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.wg.Go(s.accept)
	t.Cleanup(func() { s.listen.Close(); s.cut(); s.wg.Wait() })
	return s
}

// about is what a bench file says of it.
func (s *server) about(system string) benchfile.Node {
	return benchfile.Node{Name: "a", System: system, SSH: &benchfile.SSH{Address: s.listen.Addr().String(), User: "pi", Key: s.keyFile,
		HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.host.PublicKey())))}}
}

// cut ends all connections as a power cut does.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func (s *server) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...)
}

func (s *server) accept() {
	for {
		c, err := s.listen.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.wg.Go(func() { s.connection(c) })
	}
}

func (s *server) connection(c net.Conn) {
	defer c.Close()
	conn, chans, requests, err := ssh.NewServerConn(c, s.config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for n := range chans {
		ch, in, err := n.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() { s.session(ch, in) })
	}
}

func (s *server) session(ch ssh.Channel, in <-chan *ssh.Request) {
	defer ch.Close()
	for r := range in {
		var exec struct{ Command string }
		if r.Type != "exec" || ssh.Unmarshal(r.Payload, &exec) != nil {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		s.mu.Lock()
		s.said = append(s.said, exec.Command)
		s.mu.Unlock()
		code := s.handle(exec.Command, ch, ch, ch.Stderr())
		_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
		return
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func marshal(s ssh.Signer) []byte { return ssh.MarshalAuthorizedKey(s.PublicKey()) }
