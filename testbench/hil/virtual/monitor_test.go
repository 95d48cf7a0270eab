//go:build linux

package virtual

import (
	"bytes"
	"io"
	"slices"
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
		}{strings.NewReader(greeting + said), &asked}, nil)
		if got != want || !strings.Contains(asked.String(), "qmp_capabilities") {
			t.Errorf("%s: %+v", said, got)
		}
	}
}

// TestMonitorTellsThePort reads what QEMU 7.2 says of a forwarded port.
func TestMonitorTellsThePort(t *testing.T) {
	const table = `{"return": "Hub -1 (net):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n`
	for said, want := range map[string][]int{
		table + `  TCP[HOST_FORWARD]   3       127.0.0.1 44429       10.0.2.15    22     0     0\r\n"}`:                                                                                    {44429, 0},
		table + `  TCP[ESTABLISHED]    9       127.0.0.1 51000       10.0.2.15    22     0     0\r\n  TCP[HOST_FORWARD]   3       127.0.0.1 44430       10.0.2.15    22     0     0\r\n"}`: {44430, 0},
		table + `  TCP[HOST_FORWARD]   3       127.0.0.1 99999       10.0.2.15    22     0     0\r\n"}`:                                                                                    {0, 0},
		`{"return": ""}`: {0, 0},
		`{"error": {"class": "GenericError", "desc": "x"}}`: {0},
	} {
		var asked bytes.Buffer
		var got []int
		monitor(struct {
			io.Reader
			io.Writer
		}{strings.NewReader(`{"return": {}}` + "\n" + said), &asked}, func(port int) { got = append(got, port) })
		if !slices.Equal(got, want) || !strings.Contains(asked.String(), "info usernet") {
			t.Errorf("%s: ports %v, want %v", said, got, want)
		}
	}
}
