//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

// powebNode runs a gateway for apps until the test ends; off ends it before.
func powebNode(t *testing.T) (url string, off func()) {
	t.Helper()
	n, err := node.Open(node.Config{StateDir: t.TempDir(), Name: "ridge-1", PoWeb: "127.0.0.1:0", Store: store.Options{Reserve: -1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	ended := false
	off = func() {
		if stop(); !ended {
			ended = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(off)
	if _, err := n.API().Up(ctx, admin.Up{Domain: "ridge"}); err != nil {
		t.Fatal(err)
	}
	return "http://" + n.PoWebAddr(), off
}

func TestEndpointFromTheCommandLine(t *testing.T) {
	url, off := powebNode(t)
	b := newBench(t, nil) // no admin socket: apps need none
	other := filepath.Join(b.dir, "bob")
	b.want(4, []string{"not registered", "fix: packhorse endpoint register"}, "endpoint", "receive")
	b.want(3, []string{"no gateway answers", "fix: packhorse run"}, "endpoint", "register", "--gateway", "http://127.0.0.1:1")
	b.want(0, []string{"registered 0", "packhorse endpoint card"}, "endpoint", "register", "--gateway", url)
	b.want(0, nil, "endpoint", "register", "--gateway", url, "--dir", other)
	if _, err := os.Stat(filepath.Join(b.dir, ".config", "packhorse", "endpoint", "identity.key")); err != nil {
		t.Error(err)
	}
	b.want(0, []string{"packhorse-card:"}, "endpoint", "card")
	card := b.out
	b.want(0, []string{"packhorse-contact:"}, "endpoint", "authorise", strings.TrimSpace(card), "--limit", "2/24h", "--for", "30d", "--dir", other)
	b.in = b.out
	b.want(0, []string{"added bob"}, "endpoint", "add", "bob", "-")
	b.want(0, []string{"the gateway has it"}, "endpoint", "send", "bob", "--text", "Hello\x1b[2J", "--id", "first")
	b.want(0, []string{"the gateway has it"}, "endpoint", "send", "bob", "--text", "Hello again, but not sent twice", "--id", "first")
	b.want(0, []string{"text/plain, 9 B", "Hello?[2J"}, "endpoint", "receive", "--dir", other)
	b.want(0, nil, "endpoint", "receive", "--dir", other)
	if b.out != "" {
		t.Errorf("it was printed twice: %q", b.out)
	}
	b.in = "pixels"
	b.want(0, nil, "endpoint", "send", "bob", "-", "--type", "image/png")
	b.want(2, []string{"is not a text but image/png: it is kept", "--save DIR"}, "endpoint", "receive", "--dir", other)
	b.want(0, []string{"again", "wrote " + b.dir + "/message-"}, "endpoint", "receive", "--save", b.dir, "--dir", other)
	b.want(4, []string{"rate limit"}, "endpoint", "send", "bob", "--text", "one too many")
	b.want(0, []string{"be written to", "2/1d"}, "endpoint", "list")
	b.want(0, []string{"write to us", "2/1d"}, "endpoint", "list", "--dir", other)
	id := strings.Fields(b.out)[len(strings.Fields(b.out))-1]
	b.want(0, []string{"the gateway knows"}, "endpoint", "deauthorise", id, "--dir", other)
	b.want(1, []string{"nothing is allowed"}, "endpoint", "deauthorise", id, "--dir", other)
	b.want(4, nil, "endpoint", "send", "bob", "--text", "never")
	off()
	b.want(5, []string{"saved", "does not have it yet", "no gateway answers"}, "endpoint", "send", "bob", "--text", "later")
	b.want(0, []string{"1 message"}, "endpoint", "list")
}

func TestEndpointUsage(t *testing.T) {
	b := newBench(t, nil)
	for _, args := range [][]string{
		{"authorise"}, {"authorise", "x"}, {"authorise", "packhorse-card:x", "--limit", "many"}, {"authorise", "x", "--limit", "0/1h"}, {"authorise", "x", "--limit", "3/never"},
		{"add", "bob", "x"}, {"add", "bob"}, {"send", "bob", "/nonexistent"}, {"send", "bob", "x", "--text", "y"}, {"send", "bob", "--text", "x", "--ttl", "0d"},
		{"receive", "--save", "/nonexistent"}, {"register", "--gateway", "ftp://x"}, {"deauthorise"},
	} {
		b.want(2, []string{"packhorse: ", "fix: "}, append([]string{"endpoint"}, args...)...)
	}
	b.want(1, []string{"there is no contact", "fix: packhorse endpoint list"}, "endpoint", "send", "nobody", "--text", "x")
	b.env["HOME"] = ""
	b.want(2, []string{"fix: --dir DIRECTORY"}, "endpoint", "list")
}

// sayEndpoint checks every answer about an endpoint.
func sayEndpoint(t *testing.T, s *schemas) {
	t.Helper()
	url, off := powebNode(t)
	b := newBench(t, nil)
	say := func(code int, args ...string) {
		b.want(code, nil, append([]string{"endpoint", "--json"}, args...)...)
		if b.out != "" {
			s.check("endpoint "+args[0], b.out)
		}
	}
	say(0, "list")
	say(0, "register", "--gateway", url)
	b.want(0, nil, "endpoint", "card", "--raw")
	card := filepath.Join(b.dir, "card")
	if err := os.WriteFile(card, []byte(b.out), 0o600); err != nil {
		t.Fatal(err)
	}
	say(0, "card")
	b.want(0, nil, "endpoint", "authorise", card, "--raw", "--limit", "5/1d")
	b.in = b.out
	say(0, "add", "me", "-")
	say(0, "send", "me", "--text", "hello")
	say(0, "send", "me", "--text", "file")
	say(0, "list")
	say(0, "receive")
	say(0, "deauthorise", "me")
	say(4, "send", "me", "--text", "never")
	off()
	say(5, "send", "me", "--text", "later")
}
