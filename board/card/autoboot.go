package card

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Autoboot is autoboot.txt: the partition that the firmware boots, and the one that it boots once after a restart
// with TrybootArg (Raspberry Pi documentation, "autoboot.txt" and "fail-safe OS updates").
type Autoboot struct{ Default, Trial int }

// TrybootArg is the argument of reboot(2) by which the next start, and only that, is a trial. The kernel repeats it on
// the console.
const TrybootArg = "0 tryboot"

// Other is the slot that the given one is not.
func Other(slot int) int { return SlotA + SlotB - slot }

// IsSlot tells whether a partition holds a system.
func IsSlot(n int) bool { return n == SlotA || n == SlotB }

// SlotName is "A" or "B".
func SlotName(slot int) string { return string(rune('A' + slot - SlotA)) }

// AppendText is the file.
func (a Autoboot) AppendText(b []byte) ([]byte, error) {
	if !IsSlot(a.Default) || a.Trial != Other(a.Default) {
		return b, fmt.Errorf("card: %+v are not the two slots", a)
	}
	return fmt.Appendf(b, "[all]\ntryboot_a_b=1\nboot_partition=%d\n[tryboot]\nboot_partition=%d\n", a.Default, a.Trial), nil
}

// ParseAutoboot reads the file as the firmware does: sections, the last value wins, what is unknown is passed over.
func ParseAutoboot(text []byte) (Autoboot, error) {
	var a Autoboot
	section, ab := "all", false
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		n, err := strconv.Atoi(strings.TrimSpace(value))
		switch key = strings.TrimSpace(key); {
		case err != nil:
		case key == "tryboot_a_b" && section == "all":
			ab = n == 1
		case key == "boot_partition" && section == "all":
			a.Default = n
		case key == "boot_partition" && section == "tryboot":
			a.Trial = n
		}
	}
	if !ab || !IsSlot(a.Default) || a.Trial != Other(a.Default) {
		return a, fmt.Errorf("card: %s does not name the two slots", AutobootFile)
	}
	return a, nil
}
