package control

import (
	"cmp"
	"context"
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
	l, err := (&net.ListenConfig{Control: forOwner}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("make the init's socket: %w", err)
	}
	return l, nil
}

// forOwner gives a socket its mode before it has a name (unix(7)), so that nobody else may ever connect. The process's mask
// would do that too, but for the files as well that other goroutines make meanwhile.
func forOwner(_, _ string, c syscall.RawConn) (err error) {
	outer := c.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) })
	return cmp.Or(outer, err)
}
