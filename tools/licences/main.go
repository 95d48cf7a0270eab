// Command licences writes under which terms the code in Go binaries may be passed on: modules and Go's own library, by
// what the linker wrote into the binaries, each text once. A binary with a module that tells no terms is an error. Run it
// from the top of the tree: go run ./tools/licences [-debian] BINARY...
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	debian := flag.Bool("debian", false, "name the copies of licences that every Debian system has instead of repeating them (Debian Policy 12.5)")
	flag.Parse()
	text, err := licences(flag.Args(), *debian)
	if err == nil {
		_, err = os.Stdout.WriteString(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// licences is what is to go along with the binaries.
func licences(binaries []string, debian bool) (string, error) {
	if len(binaries) == 0 {
		return "", errors.New("no binary is named: go run ./tools/licences BINARY")
	}
	modules, err := linkedInto(binaries)
	if err != nil {
		return "", err
	}
	own, err := terms(".", debian)
	if err != nil {
		return "", err
	}
	return together(own, modules, func(dir string) (string, error) { return terms(dir, debian) })
}
