//go:build linux

package virtual

import (
	"encoding/json"
	"io"
	"regexp"
	"strconv"
)

// last is why a machine ended.
type last struct {
	off      bool // its system has switched it off
	watchdog bool // its watchdog has reset it
}

// event is one of QEMU's machine protocol (QMP), as far as we read it.
type event struct {
	Event  string
	Data   struct{ Reason, Action string }
	Return any // of a command: text, when it was one for people
}

// What we say to a machine: that we speak its protocol, and for what port of ours we ask.
const (
	greet   = `{"execute":"qmp_capabilities"}` + "\n"
	askPort = `{"execute":"human-monitor-command","arguments":{"command-line":"info usernet"}}` + "\n"
)

// forwarded is the line of `info usernet` with the port on loopback that leads to the machine's port 22.
var forwarded = regexp.MustCompile(`TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\s`)

// monitor listens to a machine until it goes. What is wrong with what it says is passed over: it only means that we do
// not know why it ended, or how to call it. forward is told the port, and 0 at the end; it may be nil.
func monitor(c io.ReadWriter, forward func(port int)) (l last) {
	say := greet
	if forward != nil {
		say += askPort
		defer forward(0)
	}
	if _, err := io.WriteString(c, say); err != nil {
		return l
	}
	for d := json.NewDecoder(c); ; {
		var e event
		if d.Decode(&e) != nil {
			return l
		}
		if text, ok := e.Return.(string); ok && forward != nil {
			forward(portIn(text))
		}
		switch e.Event {
		case "SHUTDOWN":
			l.off = e.Data.Reason == "guest-shutdown"
		case "WATCHDOG":
			l.watchdog = true
		}
	}
}

// portIn finds the port in the answer; 0: there is none.
func portIn(text string) int {
	m := forwarded.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	port, err := strconv.ParseUint(m[1], 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}
