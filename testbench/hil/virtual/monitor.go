//go:build linux

package virtual

import (
	"encoding/json"
	"io"
)

// last is why a machine ended.
type last struct {
	off      bool // its system has switched it off
	watchdog bool // its watchdog has reset it
}

// event is one of QEMU's machine protocol (QMP), as far as we read it.
type event struct {
	Event string
	Data  struct{ Reason, Action string }
}

// monitor listens to a machine until it goes. What is wrong with what it says is passed over: it only means that we do
// not know why it ended.
func monitor(c io.ReadWriter) (l last) {
	if _, err := io.WriteString(c, `{"execute":"qmp_capabilities"}`+"\n"); err != nil {
		return l
	}
	for d := json.NewDecoder(c); ; {
		var e event
		if d.Decode(&e) != nil {
			return l
		}
		switch e.Event {
		case "SHUTDOWN":
			l.off = e.Data.Reason == "guest-shutdown"
		case "WATCHDOG":
			l.watchdog = true
		}
	}
}
