package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Listen makes the socket, for its owner alone. One that is there already is replaced: there is one init.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replace the init's socket: %w", err)
	}
	old := syscall.Umask(0o177) // nobody else may ever connect
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("make the init's socket: %w", err)
	}
	return l, nil
}
