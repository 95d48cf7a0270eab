package board

import (
	"os"
	"path/filepath"
	"sort"
)

// SerialPort is a serial device that is plugged in.
type SerialPort struct {
	Path   string // what to put into the configuration; by-id where there is one
	Device string // "/dev/ttyUSB0"
}

// ListSerial lists the serial ports below a device directory ("/dev"), those
// with a lasting name first. Built-in UARTs are listed only through the alias
// that Raspberry Pi OS gives them: most boards name ports that lead nowhere.
func ListSerial(dev string) []SerialPort {
	var out []SerialPort
	seen := map[string]bool{}
	for _, pattern := range []string{"serial/by-id/*", "ttyUSB*", "ttyACM*", "serial0"} {
		paths, _ := filepath.Glob(filepath.Join(dev, pattern)) // fails only on a bad pattern
		sort.Strings(paths)
		for _, p := range paths {
			device, err := filepath.EvalSymlinks(p)
			if err != nil || seen[device] {
				continue // a link left behind by an unplugged device
			}
			if i, err := os.Stat(device); err != nil || i.IsDir() {
				continue
			}
			seen[device] = true
			out = append(out, SerialPort{Path: p, Device: device})
		}
	}
	return out
}
