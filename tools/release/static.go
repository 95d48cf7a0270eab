package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// static makes sure that a binary asks for no interpreter and no shared library.
func static(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static: it asks for an interpreter", path)
		}
	}
	libs, err := f.ImportedLibraries()
	if err == nil && len(libs) > 0 {
		err = errors.New(path + " is not static: it asks for " + strings.Join(libs, ", "))
	}
	return err
}
