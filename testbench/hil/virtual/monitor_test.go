//go:build linux

package virtual

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestMonitorTellsWhyAMachineEnded(t *testing.T) {
	const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}` + "\n" + `{"return": {}}` + "\n"
	for said, want := range map[string]last{
		`{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}`:                                                                          {off: true},
		`{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}`:                                                                             {},
		`{"event": "WATCHDOG", "data": {"action": "reset"}}` + "\n" + `{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}`:               {watchdog: true},
		`{"event": "RTC_CHANGE", "data": {"offset": 0, "qom-path": "/machine"}}` + "\n" + `{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-sh`: {},
	} {
		var asked bytes.Buffer
		got := monitor(struct {
			io.Reader
			io.Writer
		}{strings.NewReader(greeting + said), &asked})
		if got != want || !strings.Contains(asked.String(), "qmp_capabilities") {
			t.Errorf("%s: %+v", said, got)
		}
	}
}
