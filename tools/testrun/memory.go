package main

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	memory     = "/dev/shm"
	memoryRoom = 1 << 30 // a container may have as little as 64 MiB
)

// inMemory adds to an environment what lets tests put their files where a sync costs nothing, if there is
// room. What the suite unit tests on a disk, the others need not wait for again.
func inMemory(env ...string) []string {
	var st unix.Statfs_t
	if unix.Statfs(memory, &st) != nil || int64(st.Bavail)*int64(st.Bsize) < memoryRoom {
		return env
	}
	return append(env, "GOTMPDIR="+os.TempDir(), "TMPDIR="+memory)
}
