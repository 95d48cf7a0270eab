//go:build unix

package update

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ErrBusy says that another process writes an update.
var ErrBusy = errors.New("update: another update is being written: wait for its end")

// lock keeps those apart who write to the other slot or restart into it.
func (c Card) lock() (unlock func(), err error) {
	f, err := os.OpenFile(c.History+".lock", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}
