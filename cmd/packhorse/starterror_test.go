package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/inetnode"
)

func TestEachMistakeAtTheStartSaysWhatToDo(t *testing.T) {
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	at := held.Addr().String()
	_, taken := net.Listen("tcp", at)
	l := &config.Loaded{}
	l.StateDir = filepath.Join(t.TempDir(), "state")
	for name, c := range map[string]struct {
		err           error
		message, todo string
	}{
		"port":        {fmt.Errorf("inetnode: PoWeb: %w", taken), "another program has " + at, "config show"},
		"bare":        {syscall.EADDRINUSE, "another program has an address", "config show"},
		"certificate": {fmt.Errorf("inetnode: %w: %w", inetnode.ErrCertificate, fs.ErrPermission), "certificate for TLS", "internet_gateway.tls_cert"},
		"no place":    {&fs.PathError{Op: "mkdir", Path: l.StateDir, Err: fs.ErrNotExist}, "mkdir", "state_dir"},
		"other":       {errors.New("something else"), "something else", ""},
	} {
		e := admin.AsError(startError(c.err, l))
		if !strings.Contains(e.Message, c.message) || c.todo == "" && e.Fix != "" || !strings.Contains(e.Fix, c.todo) {
			t.Errorf("%s: got %q, fix %q, want %q and %q", name, e.Message, e.Fix, c.message, c.todo)
		}
	}
}
