package board

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

//go:embed hats/*.toml
var hats embed.FS

const (
	maxProfileBytes = 64 << 10
	maxProfiles     = 500 // files of one directory
)

// ParseProfile reads one profile. Errors name the file and, where the mistake has one, the line.
func ParseProfile(file string, text []byte) (*Profile, error) {
	d := toml.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	p := &Profile{Origin: file}
	if err := d.Decode(p); err != nil {
		return nil, tomlError(file, err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// tomlError adds file and line to what the library says.
func tomlError(file string, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := unknown.Errors[0]
		row, _ := first.Position()
		return fmt.Errorf("%s:%d: unknown key %q (docs/BOARDS.md has all of them)", file, row, strings.Join(first.Key(), "."))
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		row, column := wrong.Position()
		return fmt.Errorf("%s:%d:%d: %s", file, row, column, strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return fmt.Errorf("%s: %w", file, err)
}

// LoadProfiles gives every profile that is built in and every one of the files dir/*.toml, which replace those of
// the same name, in the order of their names. A directory that is not there is an empty one.
func LoadProfiles(dir string) ([]*Profile, error) {
	byName := map[string]*Profile{}
	if err := readProfiles(hats, "hats", byName); err != nil {
		return nil, err
	}
	for _, p := range byName {
		p.Origin = "built in"
	}
	if dir != "" {
		own := map[string]*Profile{}
		if err := readProfiles(os.DirFS(dir), ".", own); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("board: profiles in %s: %w", dir, err)
		}
		for name, p := range own {
			p.Origin = filepath.Join(dir, p.Origin)
			byName[name] = p
		}
	}
	list := make([]*Profile, 0, len(byName))
	for _, p := range byName {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Profile) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// readProfiles puts the files of one directory into all. Two files may not name the same board.
func readProfiles(from fs.FS, dir string, all map[string]*Profile) error {
	entries, err := fs.ReadDir(from, dir)
	if err != nil {
		return err
	}
	if len(entries) > maxProfiles {
		return fmt.Errorf("%d files are more than the %d that are read: is this the right directory?", len(entries), maxProfiles)
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".toml") {
			continue
		}
		text, err := readSmall(from, filepath.ToSlash(filepath.Join(dir, e.Name())))
		if err != nil {
			return err
		}
		p, err := ParseProfile(e.Name(), text)
		if err != nil {
			return err
		}
		if was := all[p.Name]; was != nil {
			return fmt.Errorf("%s: the board %s is in %s already: remove one of the two", e.Name(), p.Name, was.Origin)
		}
		all[p.Name] = p
	}
	return nil
}

func readSmall(from fs.FS, path string) ([]byte, error) {
	f, err := from.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProfileBytes+1))
	if err == nil && len(text) > maxProfileBytes {
		err = fmt.Errorf("%s: longer than %d octets: this is no board profile", path, maxProfileBytes)
	}
	return text, err
}

// FindProfile gives the profile of this name, or an error that says which there are.
func FindProfile(list []*Profile, name string) (*Profile, error) {
	var names []string
	for _, p := range list {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("board: no board profile is called %q: use one of %s, or write one into boards.d beside packhorse.toml", name, strings.Join(names, ", "))
}
