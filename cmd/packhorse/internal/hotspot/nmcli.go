package hotspot

import "strings"

// Device is one that NetworkManager knows.
type Device struct{ Name, Type, State, Connection string }

// Devices reads what `nmcli -t -f DEVICE,TYPE,STATE,CONNECTION device` prints.
func Devices(out string) (list []Device) {
	for line := range strings.Lines(out) {
		if f := fields(strings.TrimRight(line, "\r\n")); len(f) == 4 {
			list = append(list, Device{f[0], f[1], f[2], f[3]})
		}
	}
	return list
}

// Active tells whether our network is up, by what `nmcli -t -f NAME connection show --active` prints.
func Active(out string) bool {
	for line := range strings.Lines(out) {
		if f := fields(strings.TrimRight(line, "\r\n")); f[0] == Connection {
			return true
		}
	}
	return false
}

// fields cuts a line of nmcli's terse output: colons between values, and a backslash before colons and backslashes in them.
func fields(line string) []string {
	out := []string{""}
	for i := 0; i < len(line); i++ {
		last := &out[len(out)-1]
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line):
			i++
			*last += line[i : i+1]
		case c == ':':
			out = append(out, "")
		default:
			*last += line[i : i+1]
		}
	}
	return out
}
