package storetrial

import (
	"crypto/cipher"
	"os"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/unix"
)

// memory is where a file system in memory is found, on which a sync costs nothing.
const (
	memory     = "/dev/shm"
	memoryRoom = 256 << 20
)

// place is a new directory that a trial which makes many syncs may use.
func place(t *testing.T) string {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(memory, &st); err != nil || int64(st.Bavail)*int64(st.Bsize) < memoryRoom {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "storetrial")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func seal(t *testing.T, key byte) cipher.AEAD {
	t.Helper()
	c, err := chacha20poly1305.NewX(append(make([]byte, 31), key))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
