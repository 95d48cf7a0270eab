package board

import (
	"slices"
	"strings"
)

// BootConfig is what the parts of a Raspberry Pi's config.txt say that apply to one model. Later lines win, as they
// do for the firmware.
type BootConfig struct {
	Params   map[string]string // dtparam=spi=on and keys such as enable_uart=1, by name
	Overlays []string          // dtoverlay lines in their order, with their parameters
}

// ParseConfigTxt reads the text of config.txt for a model: comments go, sections in brackets that are for other
// models are skipped (raspberrypi.com/documentation, "config.txt"). include lines are not followed.
func ParseConfigTxt(text string, m Model) BootConfig {
	c := BootConfig{Params: map[string]string{}}
	applies := true
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if section, is := strings.CutPrefix(line, "["); is {
			section = strings.ToLower(strings.TrimSuffix(section, "]"))
			applies = section == "all" || slices.Contains(m.filters(), section)
			continue
		}
		if key, value, is := strings.Cut(line, "="); is && applies {
			c.set(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
	return c
}

func (c *BootConfig) set(key, value string) {
	switch key {
	case "dtoverlay", "device_tree_overlay":
		if value != "" {
			c.Overlays = append(c.Overlays, value)
		}
	case "dtparam", "device_tree_param":
		if len(c.Overlays) > 0 && c.overlayTakes(value) {
			return
		}
		for p := range strings.SplitSeq(value, ",") {
			name, v, given := strings.Cut(p, "=")
			if !given {
				v = "on"
			}
			c.Params[strings.TrimSpace(name)] = strings.TrimSpace(v)
		}
	default:
		c.Params[key] = value
	}
}

// overlayTakes: a dtparam after an overlay is the overlay's, unless it is one of the base tree's that we ask for.
func (c *BootConfig) overlayTakes(value string) bool {
	name, _, _ := strings.Cut(value, "=")
	return !slices.Contains([]string{"spi", "i2c_arm", "i2c", "uart0", "audio", "watchdog"}, strings.TrimSpace(name))
}

// on tells whether a parameter is switched on, in any of the ways to write that.
func (c BootConfig) on(name string) bool {
	v := strings.ToLower(c.Params[name])
	return v == "on" || v == "true" || v == "yes" || v == "1" || v == "okay"
}

// overlay gives the parameters of an overlay, and whether it is loaded.
func (c BootConfig) overlay(name string) (params string, loaded bool) {
	for _, o := range c.Overlays {
		if n, rest, _ := strings.Cut(o, ","); strings.TrimSpace(n) == name {
			params, loaded = rest, true
		}
	}
	return params, loaded
}

// Has tells whether the configuration does what a line of config.txt asks for.
func (c BootConfig) Has(line string) bool {
	key, value, _ := strings.Cut(line, "=")
	switch key {
	case "dtoverlay":
		name, params, _ := strings.Cut(value, ",")
		have, loaded := c.overlay(name)
		return loaded && (params == "" || have == params)
	case "dtparam":
		name, v, given := strings.Cut(value, "=")
		if !given || v == "on" {
			return c.on(name)
		}
		return c.Params[name] == v
	}
	return c.Params[key] == value
}

// consoles are the serial ports that cmdline.txt gives to the kernel's console.
func consoles(cmdline string) []string {
	var ports []string
	for _, word := range strings.Fields(cmdline) {
		if v, is := strings.CutPrefix(word, "console="); is {
			port, _, _ := strings.Cut(v, ",")
			if strings.HasPrefix(port, "tty") && len(port) > 3 && (port[3] < '0' || port[3] > '9') || strings.HasPrefix(port, "serial") {
				ports = append(ports, port)
			}
		}
	}
	return ports
}
