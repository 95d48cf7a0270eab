package appliance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
)

// baseFiles are what programs look for in /etc, on a file system in memory.
var baseFiles = map[string]string{
	"/etc/passwd":        fmt.Sprintf("root:x:0:0:root:/root:\n%s:x:%d:%d:Packhorse:%s:\n", userName, userID, groupID, card.StateDir),
	"/etc/group":         fmt.Sprintf("root:x:0:\n%s:x:%d:\n", userName, groupID),
	"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	"/etc/nsswitch.conf": "hosts: files dns\n",
}

// links lead from where every packhorse looks for its configuration to where it is on the card.
var links = map[string]string{
	"packhorse.toml": filepath.Join(card.BootDir, card.ConfigFile),
	"conf.d":         filepath.Join(confDir, "conf.d"),
	"boards.d":       filepath.Join(confDir, "boards.d"),
}

// configDir is the directory of config.DefaultPath.
const configDir = "/etc/packhorse"

func writeBase() error {
	for _, dir := range []string{"/root", configDir, "/etc"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for path, text := range baseFiles {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(configDir, name)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return makeRun()
}

// makeRun makes the directory of the sockets: the gateway makes its own there and cannot take away those of root.
func makeRun() error {
	if err := os.MkdirAll(card.RunDir, 0o755); err != nil {
		return err
	}
	if err := os.Chown(card.RunDir, 0, groupID); err != nil {
		return err
	}
	return os.Chmod(card.RunDir, 0o775|os.ModeSticky)
}

// tune sets what the kernel lets a program set. What a kernel does not know is passed over.
func tune() {
	for path, value := range map[string]string{
		"/proc/sys/kernel/panic":                        "10", // seconds until a panic restarts the board
		"/proc/sys/kernel/panic_on_oops":                "1",  // a kernel that stumbled is not trusted with parcels
		"/proc/sys/fs/protected_symlinks":               "1",  // in /tmp nobody leads root astray
		"/proc/sys/fs/protected_hardlinks":              "1",
		"/proc/sys/net/ipv4/ip_unprivileged_port_start": "0",    // the gateway may serve a page on port 80
		"/proc/sys/vm/dirty_writeback_centisecs":        "1500", // fewer, larger writes to the card; what matters is synced
	} {
		_ = os.WriteFile(path, []byte(value), 0o644)
	}
	limit := unix.Rlimit{Cur: 65536, Max: 65536}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) // Ctrl-Alt-Del is a signal to us
}

func setHostname(name string) {
	_ = unix.Sethostname([]byte(name))
	_ = os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644)
	_ = os.WriteFile("/etc/hosts", []byte(baseFiles["/etc/hosts"]+"127.0.1.1 "+name+"\n"), 0o644)
}

// readRelease reads what a system says of itself.
func readRelease(path string) (card.Release, error) {
	var r card.Release
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}
