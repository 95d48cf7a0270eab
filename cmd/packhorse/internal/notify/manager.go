// Package notify is the protocol of sd_notify(3), by which a service tells who started it how it is: Manager is the end
// of the gateway, under systemd on Debian and under the init of the flash image; Server is the end of that init.
package notify

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a manager may take no word before the word is given up: the gateway goes on without it.
const patience = 5 * time.Second

// Manager is the way to the service manager. Without one every call does nothing. Its methods may be called from any goroutine.
type Manager struct {
	address  string        // empty: there is none
	watchdog time.Duration // 0: it watches nothing
}

// Find reads NOTIFY_SOCKET, and WATCHDOG_USEC where WATCHDOG_PID names no other process than pid (sd_watchdog_enabled(3)).
func Find(getenv func(string) string, pid int) *Manager {
	m := &Manager{address: getenv("NOTIFY_SOCKET")}
	if of := getenv("WATCHDOG_PID"); m.address == "" || of != "" && of != strconv.Itoa(pid) {
		return m
	}
	if us, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		m.watchdog = time.Duration(us) * time.Microsecond
	}
	return m
}

// There tells whether a manager listens.
func (m *Manager) There() bool { return m.address != "" }

// Timeout is how long the manager lets the process live without a word of Feed; 0: for ever.
func (m *Manager) Timeout() time.Duration { return m.watchdog }

// Feed says that the process does its work.
func (m *Manager) Feed() error { return m.Say("WATCHDOG=1") }

// Close does nothing: what stops is told by Say, and the manager's watchdog ends with the process.
func (m *Manager) Close() error { return nil }

// Status is one line for people, and more assignments such as READY=1 with it.
func (m *Manager) Status(text string, more ...string) error {
	return m.Say(append(more, "STATUS="+strings.Join(strings.Fields(text), " "))...)
}

// Reloading says that the configuration is read again, until READY=1 is said.
func (m *Manager) Reloading() error {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return m.Say("RELOADING=1")
	}
	return m.Say("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(t.Nano()/1000, 10))
}

// Say sends assignments, all in one datagram.
func (m *Manager) Say(assignments ...string) error {
	if m.address == "" {
		return nil
	}
	if m.address[0] != '/' && m.address[0] != '@' {
		return fmt.Errorf("NOTIFY_SOCKET is %q, which is no unix socket", m.address)
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	err = c.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = c.Write([]byte(strings.Join(assignments, "\n")))
	}
	return errors.Join(err, c.Close())
}
