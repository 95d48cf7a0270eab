package admin

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Listen makes the gateway's unix socket with the given mode (0600, or 0660 for a
// group) and its directory (0700 when it has to be made). A socket that a dead gateway
// left behind is replaced; a living one is an error.
func Listen(path string, mode os.FileMode) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("admin: make the socket's directory: %w", err)
	}
	if err := clearStale(path); err != nil {
		return nil, err
	}
	old := syscall.Umask(0o077) // nobody else may connect before the mode is set
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("admin: listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, fmt.Errorf("admin: set the socket's mode: %w", err)
	}
	return l, nil
}

// clearStale removes a socket that nobody listens on.
func clearStale(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("admin: look at %s: %w", path, err)
	}
	if fi.Mode().Type() != os.ModeSocket {
		return &Error{Code: CodeUsage, Message: path + " is there and is not a socket", Fix: "choose another path with --socket"}
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return &Error{Code: CodeFailed, Message: "a gateway is already running on " + path,
			Fix: "stop it first, or give this one its own --socket and --state"}
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("admin: look at %s: %w", path, err)
	}
	return os.Remove(path)
}
