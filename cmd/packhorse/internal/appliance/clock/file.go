package clock

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Forward sets the clock on to the time in the file, or to least where that is later, when it shows an earlier one: so
// it is never 1970, and time does not go back over a restart. Nothing vouches for that time, and the kernel stays
// unsynchronised. It returns the time that it set; zero: the clock was not behind. A file that is missing or damaged
// is passed over; the error is about setting the clock, or about reading the file.
func Forward(file string, least time.Time) (time.Time, error) { return forward(kernel{}, file, least) }

type settable interface {
	now() time.Time
	set(time.Time) error
}

func forward(c settable, file string, least time.Time) (time.Time, error) {
	saved, err := load(file)
	if saved.Before(least) {
		saved = least
	}
	if !plausible(saved) || !c.now().Before(saved) {
		return time.Time{}, err
	}
	if failed := c.set(saved); failed != nil {
		return time.Time{}, errors.Join(err, failed)
	}
	return saved, err
}

// load reads the file; zero where there is none.
func load(file string) (time.Time, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("clock: the saved time: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return time.Time{}, fmt.Errorf("clock: the saved time: %w", err)
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil || !plausible(t) {
		return time.Time{}, fmt.Errorf("clock: %s holds no time", file)
	}
	return t, nil
}

// save replaces the file; after a cut there is the old time or the new one.
func save(file string, t time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("clock: save the time: %w", err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(t.UTC().Format(time.RFC3339) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
