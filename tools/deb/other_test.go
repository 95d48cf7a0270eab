package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAPackageOnOtherArchitectures installs the other packages in Debians of their architectures, whose programs qemu-user runs.
func TestAPackageOnOtherArchitectures(t *testing.T) {
	for _, c := range []struct {
		p             port
		release, qemu string
	}{{ports[0], release, "qemu-arm"}, {ports[1], release, "qemu-aarch64"}, {ports[2], "trixie", "qemu-riscv64"}} {
		t.Run(c.p.debian, func(t *testing.T) {
			if _, err := os.Stat("/proc/sys/fs/binfmt_misc/" + c.qemu); err != nil {
				t.Fatalf("the kernel does not know what to do with its programs: apt install qemu-user-static binfmt-support (%v)", err)
			}
			first, again := made(t, c.p)
			root := debian(t, c.release, c.p.debian)
			for path, name := range map[string]string{first: "packhorse.deb", again("1.1", ""): "next.deb"} {
				b, err := os.ReadFile(path)
				if err == nil {
					err = os.WriteFile(filepath.Join(root, "var", "tmp", name), b, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, step := range []struct{ script, says string }{
				{"dpkg -i /var/tmp/packhorse.deb", "Created symlink"},
				{"packhorse version", "packhorse 1.0 linux/"},
				{"getent passwd packhorse", "/var/lib/packhorse"},
				{"cd /; install -d -o packhorse -g packhorse /var/lib/packhorse; setpriv --reuid=packhorse --regid=packhorse --init-groups packhorse --state /var/lib/packhorse config check", "OK, 1 file read"},
				{"echo '# mine' >> /etc/packhorse/packhorse.toml; dpkg -i /var/tmp/next.deb; dpkg -s packhorse", "Version: 1.1"},
				{"tail -n 1 /etc/packhorse/packhorse.toml", "# mine"},
				{"dpkg -r packhorse", "/var/lib/packhorse stays"},
				{"dpkg --purge packhorse; ls -d /etc/packhorse /var/lib/packhorse || echo gone", "gone"},
			} {
				if out := chroot(t, root, step.script); !strings.Contains(out, step.says) {
					t.Errorf("%s: does not say %q:\n%s", step.script, step.says, out)
				}
			}
		})
	}
}

// chroot runs a script in a root in which no systemd runs, as debootstrap and image builders do.
func chroot(t *testing.T, root, script string) string {
	t.Helper()
	c := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc="+filepath.Join(root, "proc"),
		"chroot", root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "HOME=/root", "sh", "-c", script)
	b, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, b)
	}
	return string(b)
}
