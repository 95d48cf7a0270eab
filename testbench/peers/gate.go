package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// gate stops a child before and behind its measured part until the parent has read its counters.
func (j job) gate() error {
	os.Getppid() // the mark that strace sees
	if !j.Gate {
		return nil
	}
	fmt.Println()
	_, err := os.Stdin.Read(make([]byte, 1))
	return err
}

func syncfs(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// mount gives the directory of a recorded disk an ordinary path: SQLite does not take one through /proc.
func (j *job) mount() error {
	if j.Mount == "" {
		return nil
	}
	root, last := filepath.Split(j.Dir)
	fd, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", root, err)
	}
	defer unix.Close(fd)
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, j.Mount, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mounting the recorded disk: %w", err)
	}
	j.Dir = filepath.Join(j.Mount, last)
	return nil
}
