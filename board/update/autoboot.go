package update

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"packhorse/board/card"
)

// inPlace is a file that is overwritten where it is.
type inPlace interface {
	io.WriterAt
	io.Closer
	Sync() error
}

func openInPlace(path string) (inPlace, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_SYNC, 0)
}

// setDefault writes the running slot into autoboot.txt.
//
// A temporary file and rename(2) would not do: on FAT, rename is two writes of directory entries, and a cut between
// them leaves two names or none; without autoboot.txt the firmware starts nothing. So the file is overwritten in its
// place. It is never longer than a sector and begins at one (a cluster is whole sectors), its length stays, so no
// cluster is allocated and the table of clusters is not touched, and a card writes a sector of 512 octets whole or not
// at all (it keeps the old flash page until the new one is programmed). The firmware therefore reads the old text or
// the new one. The directory entry, another sector, changes in its date alone.
func (c Card) setDefault() error {
	path := filepath.Join(c.BootDir, card.AutobootFile)
	text, err := card.Autoboot{Default: c.Running, Trial: card.Other(c.Running)}.AppendText(nil)
	if err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if text, err = pad(text, st.Size()); err != nil {
		return err
	}
	return c.writable(func() error { return c.overwrite(path, text) })
}

// mend writes autoboot.txt anew where it is missing, too long, or names no two slots: with such a file the firmware may still
// start the system that runs, but nothing could be tried or kept any more, and it would have to be put right by hand. The default is
// what runs, unless that was asked for as a trial.
func (c Card) mend() error {
	a := card.Autoboot{Default: c.Running, Trial: card.Other(c.Running)}
	if q := readJournal(c.History).Asked; q != nil && q.Slot == c.Running && q.Release.Build == c.Release.Build {
		a.Default, a.Trial = a.Trial, a.Default
	}
	text, err := a.AppendText(nil)
	if err != nil {
		return err
	}
	path := filepath.Join(c.BootDir, card.AutobootFile)
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		if same, err := pad(text, st.Size()); err == nil {
			return c.writable(func() error { return c.overwrite(path, same) })
		}
	}
	// One that cannot be overwritten in its place is replaced: rename(2) has an entry that is there lead to the new file.
	return c.writable(func() error { return replace(path, text) })
}

// pad makes a text as long as the file that it goes into, with empty lines.
func pad(text []byte, n int64) ([]byte, error) {
	if n > card.SectorSize || n < int64(len(text)) {
		return nil, fmt.Errorf("update: %s has %d octets, not %d to %d: put back what the image had there", card.AutobootFile, n, len(text), card.SectorSize)
	}
	return append(text, bytes.Repeat([]byte{'\n'}, int(n)-len(text))...), nil
}

func (c Card) overwrite(path string, text []byte) error {
	open := c.inPlace
	if open == nil {
		open = openInPlace
	}
	f, err := open(path)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	got, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(got, text) {
		err = ErrCard
	}
	return err
}
