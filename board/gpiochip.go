package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// GPIOChip is a chip and its lines as the kernel lists them at this moment. Reading takes no line.
type GPIOChip struct {
	Path  string // "/dev/gpiochip0"
	Label string // "pinctrl-bcm2711"
	Lines []GPIOLine
}

// GPIOLine is one line of a chip.
type GPIOLine struct {
	Name     string // "GPIO25"; many boards name none
	Used     bool
	Consumer string // who took the line: a driver of the kernel's, or a program, often with @ and its process id
}

// The kernel's interface (Documentation/userspace-api/gpio, linux/gpio.h, version 2).
const (
	gpioGetChipInfo = 0x8044B401
	gpioGetLineInfo = 0xC100B405
	gpioLineUsed    = 1 << 0
	maxGPIOLines    = 1024
)

type gpioChipInfo struct {
	name, label [32]byte
	lines       uint32
}

type gpioLineInfo struct {
	name, consumer   [32]byte
	offset, numAttrs uint32
	flags            uint64
	attrs            [10][16]byte
	padding          [4]uint32
}

// readChips lists every GPIO chip once, those of pin controllers first.
func (h Host) readChips() ([]GPIOChip, error) {
	var chips []GPIOChip
	nodes := h.glob("/dev/gpiochip*")
	if len(nodes) == 0 {
		return nil, &DeviceError{What: "there is no /dev/gpiochip0", Fix: "this computer has no GPIO lines, or a container hides them: use a radio on USB, or run on the board itself", Err: fs.ErrNotExist}
	}
	for _, node := range nodes {
		if i, err := os.Lstat(h.path(node)); err != nil || i.Mode()&fs.ModeSymlink != 0 {
			continue // Raspberry Pi OS has gpiochip4 as a second name of gpiochip0
		}
		chip, err := readChip(h.path(node))
		if errors.Is(err, fs.ErrPermission) {
			return nil, noPermission(node, "gpio")
		}
		if err != nil {
			return nil, fmt.Errorf("board: read the GPIO chip %s: %w", node, err)
		}
		chip.Path = node
		chips = append(chips, chip)
	}
	slices.SortStableFunc(chips, func(a, b GPIOChip) int { return rank(a.Label) - rank(b.Label) })
	return chips, nil
}

func rank(label string) int {
	if strings.HasPrefix(label, "pinctrl-") {
		return 0
	}
	return 1
}

// noPermission says how to get it. Raspberry Pi OS has the groups; elsewhere a udev rule makes them.
func noPermission(node, group string) error {
	return &DeviceError{What: "this user may not use " + node, Err: fs.ErrPermission, Fix: fmt.Sprintf(
		"add it to the group %s (sudo usermod -aG %s $USER, then log in again); where there is no such group, give the node one by a udev rule", group, group)}
}

func readChip(path string) (GPIOChip, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return GPIOChip{}, err
	}
	defer f.Close()
	var info gpioChipInfo
	if err := gpioIoctl(f, gpioGetChipInfo, unsafe.Pointer(&info)); err != nil {
		return GPIOChip{}, err
	}
	chip := GPIOChip{Label: cString(info.label[:])}
	for i := range min(info.lines, maxGPIOLines) {
		line := gpioLineInfo{offset: i}
		if err := gpioIoctl(f, gpioGetLineInfo, unsafe.Pointer(&line)); err != nil {
			return GPIOChip{}, err
		}
		chip.Lines = append(chip.Lines, GPIOLine{Name: cString(line.name[:]), Used: line.flags&gpioLineUsed != 0, Consumer: cString(line.consumer[:])})
	}
	return chip, nil
}

func gpioIoctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func cString(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}

// locate finds a line. header is the label of the chip whose GPIOn are those of the 40-pin header: older kernels
// name its lines by their other functions (SPI_CE1_N for GPIO7), so that there the number counts.
func locate(chips []GPIOChip, ref PinRef, header string) (chip, offset int, err error) {
	label, name, offset, err := ref.split()
	if err != nil {
		return 0, 0, err
	}
	for i, c := range chips {
		if label != "" && label != c.Label {
			continue
		}
		if offset >= 0 && offset < len(c.Lines) {
			return i, offset, nil
		}
		if n := slices.IndexFunc(c.Lines, func(l GPIOLine) bool { return l.Name == name }); offset < 0 && n >= 0 {
			return i, n, nil
		}
	}
	if n, ok := bcm(name); ok && header != "" && (label == "" || label == header) {
		for i, c := range chips {
			if c.Label == header && n < len(c.Lines) {
				return i, n, nil
			}
		}
	}
	return 0, 0, &DeviceError{What: fmt.Sprintf("there is no GPIO line %s", ref), Fix: chipsHint(chips, label), Err: fs.ErrNotExist}
}

func chipsHint(chips []GPIOChip, label string) string {
	var labels []string
	for _, c := range chips {
		if c.Label == label {
			return fmt.Sprintf("%s has the lines 0 to %d; gpioinfo shows their names", label, len(c.Lines)-1)
		}
		labels = append(labels, c.Label)
	}
	return fmt.Sprintf("the chips are %s; name the line as \"%s:OFFSET\"", strings.Join(labels, ", "), append(labels, "CHIP")[0])
}

// heldBy is who else has a line, or empty. Our own lines are those of this process.
func heldBy(l GPIOLine) string {
	if !l.Used || strings.HasSuffix(l.Consumer, fmt.Sprintf("@%d", os.Getpid())) {
		return ""
	}
	if l.Consumer == "" {
		return "another program"
	}
	return l.Consumer
}

// releaseHint says how to get a line that somebody holds.
func releaseHint(consumer string) string {
	program, pid, isProgram := strings.Cut(consumer, "@")
	switch {
	case isProgram && program == "packhorse":
		return "another packhorse uses it: stop process " + pid
	case isProgram:
		return fmt.Sprintf("stop it: sudo systemctl disable --now %s, or kill %s", program, pid)
	case strings.HasPrefix(consumer, "spi"):
		return "it is a chip select of the SPI bus: leave pins.select out, or add dtoverlay=spi0-0cs to config.txt"
	case strings.Contains(consumer, "meshtastic"):
		return "stop it: sudo systemctl disable --now meshtasticd"
	}
	return "stop the program, or take the overlay that claims it out of config.txt"
}
