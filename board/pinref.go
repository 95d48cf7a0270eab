package board

import (
	"fmt"
	"strconv"
	"strings"
)

// PinRef names a GPIO line: "GPIO25" by the name that the board's device tree gives it, or "pinctrl-bcm2711:25" and
// "pinctrl-bcm2711:GPIO25", the label of its chip with offset or name. Boards whose lines have no names need the
// second form. Empty is no line.
type PinRef string

// Check says what is wrong with the form of a reference; nil is that it may name a line of some board.
func (r PinRef) Check() error {
	_, _, _, err := r.split()
	return err
}

// split takes a reference apart; offset is -1 where the line is named.
func (r PinRef) split() (chip, line string, offset int, err error) {
	line, offset = string(r), -1
	if i := strings.LastIndexByte(line, ':'); i >= 0 {
		chip, line = line[:i], line[i+1:]
		if n, err := strconv.ParseUint(line, 10, 16); err == nil {
			offset = int(n)
		}
		if chip == "" {
			line = ""
		}
	}
	if line == "" || len(r) > 64 || strings.ContainsAny(string(r), " \t\n\"") {
		return "", "", 0, fmt.Errorf("%q names no GPIO line: write a name such as \"GPIO25\", or chip label and offset such as \"pinctrl-bcm2711:25\" (gpioinfo lists both)", string(r))
	}
	if _, number := strconv.Atoi(line); number == nil && chip == "" {
		return "", "", 0, fmt.Errorf("%q is only a number: write \"GPIO%s\" on a Raspberry Pi, elsewhere the chip's label and the offset such as \"pinctrl-bcm2711:%s\"", string(r), line, line)
	}
	return chip, line, offset, nil
}

// bcm is n of the Broadcom name GPIOn, by which all Raspberry Pi documents call the pins of the header.
func bcm(name string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(name, "GPIO")
	if !ok {
		return 0, false
	}
	u, err := strconv.ParseUint(digits, 10, 8)
	return int(u), err == nil && strconv.FormatUint(u, 10) == digits
}
