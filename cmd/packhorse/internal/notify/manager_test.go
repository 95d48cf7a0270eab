package notify

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// manager is a socket as the service manager's, and an environment that names it.
func manager(t *testing.T, env map[string]string) (*net.UnixConn, func(string) string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, func(k string) string {
		if k == "NOTIFY_SOCKET" {
			return path
		}
		return env[k]
	}
}

func heard(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 4096)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestWhatIsSaidIsOneDatagram(t *testing.T) {
	c, env := manager(t, nil)
	m := Find(env, 1)
	if err := m.Status("2 neighbours,\nno parcel", "READY=1"); err != nil {
		t.Fatal(err)
	}
	if got := heard(t, c); got != "READY=1\nSTATUS=2 neighbours, no parcel" {
		t.Errorf("got %q", got)
	}
	if err := m.Feed(); err != nil || heard(t, c) != "WATCHDOG=1" {
		t.Errorf("the watchdog is not fed: %v", err)
	}
	if err := m.Reloading(); err != nil {
		t.Fatal(err)
	}
	if got, ok := strings.CutPrefix(heard(t, c), "RELOADING=1\nMONOTONIC_USEC="); !ok || strings.Trim(got, "0123456789") != "" || got == "" {
		t.Errorf("got %q", got)
	}
}

func TestNobodyIsToldWhereNoManagerIs(t *testing.T) {
	m := Find(func(string) string { return "" }, 1)
	if err := m.Say("READY=1"); err != nil || m.There() || m.Timeout() != 0 {
		t.Errorf("got %v, %v", err, m)
	}
}

func TestAManagerThatIsGoneIsAnError(t *testing.T) {
	for _, address := range []string{filepath.Join(t.TempDir(), "gone"), "vsock:2:1"} {
		m := Find(func(k string) string { return map[string]string{"NOTIFY_SOCKET": address}[k] }, 1)
		if err := m.Say("READY=1"); err == nil {
			t.Errorf("%s: no error", address)
		}
	}
}

func TestTheWatchdogIsOursOnly(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"60000000", "42", time.Minute}, {"60000000", "", time.Minute}, {"60000000", "41", 0},
		{"", "42", 0}, {"0", "42", 0}, {"-5", "", 0}, {"soon", "", 0},
	} {
		_, env := manager(t, map[string]string{"WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid})
		if got := Find(env, 42).Timeout(); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
