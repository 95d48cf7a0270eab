package board

import (
	"runtime"
	"strconv"
	"strings"
)

// Model is which computer this is. Empty fields are unknown.
type Model struct {
	Name       string // "Raspberry Pi Zero 2 W Rev 1.0"
	Compatible string // the first name of the device tree, "raspberrypi,model-zero-2-w"
	SoC        string // "bcm2837"; the last name of the device tree without its maker
	CPU        string // of /proc/cpuinfo, else the architecture that this program was built for
	Cores      int
	RAMBytes   uint64
	Kernel     string // "6.12.47+rpt-rpi-v8"
	OS         string // "Raspberry Pi OS ..." or what os-release says
}

// Model reads the device tree and /proc.
func (h Host) Model() Model {
	m := Model{Name: h.text("/proc/device-tree/model"), CPU: runtime.GOARCH,
		Kernel: h.text("/proc/sys/kernel/osrelease"), OS: h.osName()}
	names := strings.Split(h.text("/proc/device-tree/compatible"), "\x00")
	m.Compatible = names[0]
	if _, soc, ok := strings.Cut(names[len(names)-1], ","); ok {
		m.SoC = soc
	}
	m.cpu(h.text("/proc/cpuinfo"))
	for line := range strings.Lines(h.text("/proc/meminfo")) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseUint(f[1], 10, 40)
			m.RAMBytes = kib << 10
		}
	}
	if m.Name == "" {
		m.Name = h.dmiName()
	}
	return m
}

// cpu counts the processors and takes the name that they give themselves, if any.
func (m *Model) cpu(info string) {
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case key == "processor":
			m.Cores++
		case key == "model name" && value != "":
			m.CPU = value
		}
	}
}

func (h Host) osName() string {
	for line := range strings.Lines(h.text("/etc/os-release")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}

// dmiName is what a PC calls itself.
func (h Host) dmiName() string {
	return strings.TrimSpace(h.text("/sys/class/dmi/id/sys_vendor") + " " + h.text("/sys/class/dmi/id/product_name"))
}

// RaspberryPi tells whether config.txt and the pins of the 40-pin header are as on a Raspberry Pi.
func (m Model) RaspberryPi() bool { return strings.HasPrefix(m.Compatible, "raspberrypi,") }

// HeaderChip is the label of the GPIO chip behind a Raspberry Pi's header; empty on other boards.
func (m Model) HeaderChip() string {
	if !m.RaspberryPi() {
		return ""
	}
	switch m.SoC {
	case "bcm2711":
		return "pinctrl-bcm2711"
	case "bcm2712":
		return "pinctrl-rp1"
	}
	return "pinctrl-bcm2835"
}

// filters are the sections of config.txt that apply to this board besides [all]
// (raspberrypi.com/documentation, "Conditional filters").
func (m Model) filters() []string {
	for _, f := range []struct {
		name    string
		filters []string
	}{{"model-zero-2", []string{"pi0", "pi0w", "pi02"}}, {"model-zero-w", []string{"pi0", "pi0w"}}, {"model-zero", []string{"pi0"}},
		{"3-model-b-plus", []string{"pi3", "pi3+"}}, {"3-model-a-plus", []string{"pi3", "pi3+"}}, {"3-", []string{"pi3"}}, {"400", []string{"pi4", "pi400"}},
		{"4-compute", []string{"pi4", "cm4"}}, {"4-", []string{"pi4"}}, {"500", []string{"pi5", "pi500"}}, {"5-compute", []string{"pi5", "cm5"}}, {"5-", []string{"pi5"}},
		{"2-", []string{"pi2"}}, {"model-", []string{"pi1"}}} {
		if strings.HasPrefix(m.Compatible, "raspberrypi,"+f.name) {
			return f.filters
		}
	}
	return nil
}
