package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// compare builds all anew from a copy of the tree in another place and tells which binaries differ.
func (o *options) compare(files []file) error {
	dir, err := os.MkdirTemp("", "again")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "a tree", "elsewhere")
	if err := copyTree(tree); err != nil {
		return err
	}
	second, err := o.buildAll(tree, dir)
	if err != nil {
		return err
	}
	for i, f := range files {
		if second[i].sum != f.sum {
			err = errors.Join(err, fmt.Errorf("%s is not reproducible: %x here, %x from a copy of the tree", f.name, f.sum[:8], second[i].sum[:8]))
		}
	}
	if err == nil {
		fmt.Printf("the same %d binaries from a copy of the tree\n", len(files))
	}
	return err
}

// copyTree copies what belongs to the source, also where it is not committed yet.
func copyTree(to string) error {
	list, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("list the tree: %w", err)
	}
	for _, name := range bytes.Split(bytes.TrimSuffix(list, []byte{0}), []byte{0}) {
		if err := copyFile(string(name), filepath.Join(to, string(name))); err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted, not yet committed
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
