package appliance

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"packhorse/board/card"
)

// resetFile is the file that asks for a factory reset, whatever ending an editor or file manager gave it; empty: none.
func resetFile(dir string) string {
	all, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, e := range all {
		name := strings.ToLower(e.Name())
		if !e.Type().IsRegular() { // a directory might not go away again, and each start would erase
			continue
		}
		if name == card.ResetFile || name == card.ResetFile+".txt" {
			return filepath.Join(dir, e.Name())
		}
	}
	return ""
}

// reset writes an empty data partition. The file that asked for it goes last, so that a reset that was cut short by the
// power begins again.
func (c theCard) reset(boot *bootPartition, file string, progress func(percent int)) error {
	if err := c.writeData(progress); err != nil {
		return fmt.Errorf("factory reset: %w", err)
	}
	if file == "" {
		return nil
	}
	return boot.write(func() error {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("factory reset: it is done, but %s cannot be removed, so that the next start does it again: %w", file, err)
		}
		return nil
	})
}

func (c theCard) writeData(progress func(percent int)) error {
	in, err := os.Open(card.DataImage)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(bufio.NewReader(in))
	if err != nil {
		return err
	}
	out, err := os.OpenFile(c.part(card.Data), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	if size, err := out.Seek(0, io.SeekEnd); err == nil {
		_ = discard(out, size) // what a device does not offer stays on it until it is written over
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := copySteps(out, z, progress); err != nil {
		return err
	}
	return out.Sync()
}

// copySteps copies and tells how far it is, in percent of card.DataSize.
func copySteps(out io.Writer, in io.Reader, progress func(percent int)) error {
	buf := make([]byte, 1<<20)
	for done, told := int64(0), -1; ; {
		n, err := io.ReadFull(in, buf)
		if _, e := out.Write(buf[:n]); e != nil {
			return e
		}
		done += int64(n)
		if percent := int(done * 100 / card.DataSize); percent/25 > told/25 || told < 0 {
			progress(percent)
			told = percent
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
		}
	}
}
