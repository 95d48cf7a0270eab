package main

import (
	"context"
	"os"
)

// packages is the module that builds Debian packages, and tries them in a Debian of its own.
const packages = "tools/deb"

func runDeb(ctx context.Context, r *runner) (count, error) {
	flags := []string{"-count=1", "-timeout=15m"}
	if os.Geteuid() != 0 {
		flags = append(flags, "-exec=sudo -n -E")
	}
	return r.testIn(ctx, packages, inMemory("PACKHORSE_DEBIAN=1"), flags, []string{"."})
}

// debianThere looks where a user's PATH may not.
func debianThere() bool {
	return has("systemd-nspawn", "nsenter")() && (has("debootstrap")() || has("/usr/sbin/debootstrap")())
}
