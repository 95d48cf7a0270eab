//go:build linux

package virtual

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fat is a FAT file system that begins at an octet of a disk's image. mtools reads and writes it; nobody else may write
// meanwhile.
type fat struct {
	disk  string
	start int64
}

func (f fat) tool(ctx context.Context, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, append([]string{"-i", fmt.Sprintf("%s@@%d", f.disk, f.start)}, args...)...)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1", "MTOOLSRC=/dev/null")
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return out, nil
}

// read returns a file at the top.
func (f fat) read(ctx context.Context, name string) ([]byte, error) {
	return f.tool(ctx, "mtype", "::"+name)
}

// copyOut copies files at the top into a directory; all must be there.
func (f fat) copyOut(ctx context.Context, dir string, names ...string) error {
	args := []string{"-n", "-o"}
	for _, name := range names {
		args = append(args, "::"+name)
	}
	_, err := f.tool(ctx, "mcopy", append(args, dir)...)
	return err
}

// copyIn copies a file to the top, in place of one of that name.
func (f fat) copyIn(ctx context.Context, path, name string) error {
	_, err := f.tool(ctx, "mcopy", "-o", path, "::"+name)
	return err
}

// write makes a file at the top.
func (f fat) write(ctx context.Context, name string, content []byte) error {
	dir, err := os.MkdirTemp("", "packhorse")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "file")
	return errors.Join(os.WriteFile(path, content, 0o600), f.copyIn(ctx, path, name))
}
