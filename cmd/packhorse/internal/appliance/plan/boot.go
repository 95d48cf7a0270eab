package plan

import (
	"encoding/binary"
	"strconv"
	"strings"

	"packhorse/board/card"
)

// Cmdline is what the kernel's command line tells the init.
type Cmdline struct {
	Slot  int  // of card.CmdPartition; 0: not told
	Reset bool // card.CmdReset
}

// ParseCmdline reads /proc/cmdline. The last of several words counts, as in the kernel.
func ParseCmdline(text string) Cmdline {
	var c Cmdline
	for _, w := range strings.Fields(text) {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case card.CmdPartition:
			if n, err := strconv.Atoi(value); err == nil && card.IsSlot(n) {
				c.Slot = n
			}
		case card.CmdReset:
			c.Reset = value == "1"
		}
	}
	return c
}

// BootedSlot says which slot was booted: by the command line, else by what the firmware noted
// (/proc/device-tree/chosen/bootloader/partition, a big-endian word), else by the one slot that holds what runs.
// 0: nobody can tell.
func BootedSlot(c Cmdline, firmware []byte, running card.Release, slots map[int]card.Release) int {
	if c.Slot != 0 {
		return c.Slot
	}
	if len(firmware) == 4 {
		if n := int(binary.BigEndian.Uint32(firmware)); card.IsSlot(n) {
			return n
		}
	}
	same := 0
	for _, n := range []int{card.SlotA, card.SlotB} {
		if r, ok := slots[n]; ok && r == running {
			same += n
		}
	}
	if card.IsSlot(same) { // not both
		return same
	}
	return 0
}

// Consoles are the devices that take commands: those of the kernel's consoles, by /sys/class/tty/console/active, where
// tty0 stands for the screen.
func Consoles(active string) []string {
	var out []string
	for _, name := range strings.Fields(active) {
		if name == "tty0" {
			name = "tty1"
		}
		out = append(out, "/dev/"+name)
	}
	return out
}
