package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// component is something a suite needs besides Go.
type component struct {
	there   func() bool
	install func(ctx context.Context, r *runner) error
	what    string
}

const qemu = "qemu-arm-static"

var components = map[string]component{
	"386":      {runs386, buy386, "a processor that runs 386 code"},
	"gcc":      {has("gcc"), apt("gcc", "libc6-dev"), "gcc, for the race detector"},
	"node":     {has("node", "npm"), apt("nodejs", "npm"), "node and npm, for Awala's JavaScript library"},
	"modules":  {modulesThere, modules, "the JavaScript modules of testbench/interop"},
	"root":     {rootThere, noRoot, "root or sudo without a password, and /dev/fuse, to mount file systems"},
	"ext4":     {ext4There, apt("e2fsprogs", "strace"), "mkfs.ext4 and strace"},
	"iproute":  {has("ip", "nsenter"), apt("iproute2", "util-linux"), "iproute2, to join network namespaces by cables"},
	"card":     {cardThere, apt("mtools", "dosfstools", "e2fsprogs"), "mtools, fsck.vfat and mkfs.ext4, to build and read the appliance's card"},
	"chromium": {chromiumThere, apt("chromium-headless-shell"), "a headless Chromium, to look at the page"},
	"nmcli":    {has("nmcli"), apt("network-manager"), "nmcli, whose parser reads the files for NetworkManager"},
	"strace":   {has("strace"), apt("strace"), "strace, to let system calls fail"},
	"machine":  {has("qemu-system-aarch64", "mcopy"), apt("qemu-system-arm", "mtools"), "qemu-system-aarch64 and mtools, for virtual boxes"},
	"debian":   {debianThere, apt("debootstrap", "systemd-container"), "debootstrap and systemd-nspawn, to try packages in a Debian"},
	"qemu":     {has(qemu), apt("qemu-user-static"), "qemu-user-static, to run ARM code"},
}

// ensure installs a component unless it is there, and says so.
func (r *runner) ensure(ctx context.Context, c component) error {
	if c.there() {
		return nil
	}
	fmt.Fprintf(r.out, "installing %s\n", c.what)
	if err := c.install(ctx, r); err != nil {
		return err
	}
	if !c.there() {
		return errors.New("installed, and still not to be found")
	}
	return nil
}

func has(names ...string) func() bool {
	return func() bool {
		for _, n := range names {
			if _, err := exec.LookPath(n); err != nil {
				return false
			}
		}
		return true
	}
}

func chromiumThere() bool { return has("chromium-headless-shell")() || has("chromium")() }

func runs386() bool { return runtime.GOARCH == "amd64" || runtime.GOARCH == "386" }

func buy386(context.Context, *runner) error {
	return errors.New("this machine does not run it: the suite arm is 32-bit code too")
}

// apt installs Debian packages, as root or through sudo without a password.
func apt(packages ...string) func(context.Context, *runner) error {
	return func(ctx context.Context, r *runner) error {
		if _, err := exec.LookPath("apt-get"); err != nil {
			return fmt.Errorf("no apt-get here: install %v by hand", packages)
		}
		var prefix []string
		if os.Geteuid() != 0 {
			if _, err := exec.LookPath("sudo"); err != nil {
				return fmt.Errorf("neither root nor sudo: install %v by hand", packages)
			}
			prefix = []string{"sudo", "-n"}
		}
		for _, args := range [][]string{{"update", "-q"}, append([]string{"install", "-y", "-q", "--no-install-recommends"}, packages...)} {
			line := append(append(prefix[:len(prefix):len(prefix)], "apt-get"), args...)
			c := exec.CommandContext(ctx, line[0], line[1:]...)
			c.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
			if b, err := c.CombinedOutput(); err != nil {
				return fmt.Errorf("%v: %w\n%s", line, err, b)
			}
		}
		return nil
	}
}

func rootThere() bool {
	if os.Geteuid() != 0 && exec.Command("sudo", "-n", "true").Run() != nil {
		return false
	}
	_, err := os.Stat("/dev/fuse")
	return err == nil
}

func noRoot(context.Context, *runner) error {
	return errors.New("run it as root, with /dev/fuse (modprobe fuse; a container needs --privileged)")
}

// ext4There looks where a user's PATH may not.
func ext4There() bool {
	return has("strace")() && (has("mkfs.ext4")() || has("/usr/sbin/mkfs.ext4")())
}

func cardThere() bool {
	return has("mcopy")() && (has("fsck.vfat", "mkfs.ext4")() || has("/usr/sbin/fsck.vfat", "/usr/sbin/mkfs.ext4")())
}

// npm writes this file when an installation is complete.
var modulesMark = filepath.Join("testbench", "interop", "node_modules", ".package-lock.json")

// modulesThere also sees a lock file that changed since.
func modulesThere() bool {
	mark, err := os.Stat(modulesMark)
	if err != nil {
		return false
	}
	lock, err := os.Stat(filepath.Join("testbench", "interop", "package-lock.json"))
	return err == nil && !mark.ModTime().Before(lock.ModTime())
}

func modules(ctx context.Context, r *runner) error {
	c := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
	c.Dir = filepath.Join("testbench", "interop")
	if b, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, b)
	}
	return nil
}
