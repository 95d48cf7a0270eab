package main

import (
	"fmt"
	"os"
	"strings"
)

// trace says whether strace(1) watches the sync system calls of a child: 0 not, -1 only to count them, else it
// makes each last so many milliseconds longer, as on an SD card. It stops the child at nothing else.
type trace int

// syncCalls wait for the disk. sync_file_range does not flush a disk's cache and so makes nothing durable.
const syncCalls = "fsync,fdatasync,msync,sync,syncfs"

// beginEnd is a harmless call by which the child marks the measured part.
const beginEnd = "getppid"

func (t trace) command(log string) []string {
	if t == 0 {
		return nil
	}
	line := []string{"strace", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", log, "-e", "trace=" + syncCalls + "," + beginEnd}
	if t > 0 {
		line = append(line, "-e", fmt.Sprintf("inject=%s:delay_exit=%d", syncCalls, int(t)*1000))
	}
	return line
}

// syncsIn counts the calls between the marks.
func syncsIn(log string) (n int64, err error) {
	b, err := os.ReadFile(log)
	if err != nil {
		return 0, err
	}
	inside := false
	for line := range strings.Lines(string(b)) {
		switch {
		case strings.Contains(line, beginEnd+"("):
			inside = !inside
		case inside && !strings.Contains(line, "resumed>"):
			n++
		}
	}
	return n, nil
}
