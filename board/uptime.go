package board

import (
	"encoding/hex"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// bootIDFile is the kernel's name for the time since it was started (random(4)).
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// Boot names this start of the machine, and tells how long ago it was by a clock that nobody sets and that goes on in
// sleep (clock_gettime(2), CLOCK_BOOTTIME). The name is zero where the kernel does not tell.
func Boot() (id [16]byte, up time.Duration) {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return id, 0
	}
	b, err := os.ReadFile(bootIDFile)
	if err != nil {
		return id, 0
	}
	n, err := hex.Decode(id[:], []byte(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", "")))
	if err != nil || n != len(id) {
		return [16]byte{}, 0
	}
	return id, time.Duration(t.Nano())
}
