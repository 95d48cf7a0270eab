package notify

import (
	"strings"
	"unicode"
)

// Message is one datagram: assignments of which a supervisor knows some.
type Message struct {
	Ready, Reloading, Stopping bool   // READY=1, RELOADING=1, STOPPING=1
	Watchdog                   bool   // WATCHDOG=1: the service lives
	Trigger                    bool   // WATCHDOG=trigger: the service wants to be treated as one that hangs
	Status                     string // STATUS=, one line for people; empty: none
}

// maxStatus bounds what is kept of STATUS, in octets.
const maxStatus = 256

// Parse reads a datagram. What is unknown is passed over, as the manual asks.
func Parse(b []byte) Message {
	var m Message
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		switch on := value == "1"; key {
		case "READY":
			m.Ready = m.Ready || on
		case "RELOADING":
			m.Reloading = m.Reloading || on
		case "STOPPING":
			m.Stopping = m.Stopping || on
		case "WATCHDOG":
			m.Watchdog, m.Trigger = m.Watchdog || on, m.Trigger || value == "trigger"
		case "STATUS":
			m.Status = printable(value)
		}
	}
	return m
}

// printable is a text without control characters, cut to a length that fits a line.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.ToValidUTF8(s[:min(len(s), maxStatus)], "")
}
