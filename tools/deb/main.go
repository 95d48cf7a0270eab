// Command deb builds the Debian packages: static binaries, service files, manual pages and completions in one package for
// each architecture. The same commit gives the same octets. It needs Go and git, and no tool of Debian. From the top of the tree:
//
//	go -C tools/deb run . [-version V] [-out DIRECTORY] [-only armhf,arm64,riscv64,amd64]
//
// Paths are seen from the top of the tree. DEBFULLNAME and DEBEMAIL name the maintainer, as for Debian's own tools.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// port is an architecture of Debian and the target of tools/release that runs on all of its machines.
type port struct{ debian, target string }

// armhf is ARMv6 code, for Raspberry Pi OS on a Pi Zero W or 1; Debian's own armhf begins with ARMv7, which runs it too.
var ports = []port{{"armhf", "linux-arm6"}, {"arm64", "linux-arm64"}, {"riscv64", "linux-riscv64"}, {"amd64", "linux-amd64"}}

func main() {
	version := flag.String("version", "dev", "what git describe says of the source")
	out := flag.String("out", "dist", "where the packages are put")
	only := flag.String("only", "", "comma-separated architectures; empty builds all")
	flag.Parse()
	if err := run(*version, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "deb:", err)
		os.Exit(1)
	}
}

func run(version, out, only string) error {
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(out) {
		out = filepath.Join(top, out)
	}
	paths, err := build(top, version, out, chosen)
	for _, path := range paths {
		if s, e := os.Stat(path); e == nil {
			fmt.Printf("%s  %.1f MB\n", path, float64(s.Size())/1e6)
		}
	}
	return err
}

// choose takes architectures by name.
func choose(only string) ([]port, error) {
	if only == "" {
		return ports, nil
	}
	var chosen []port
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(ports, func(p port) bool { return p.debian == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no architecture %q: take armhf, arm64, riscv64 or amd64", name)
		}
		chosen = append(chosen, ports[i])
	}
	return chosen, nil
}
