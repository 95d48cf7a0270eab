package benchfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"packhorse/board"
)

// Bounds of what a file may hold, so that a wrong path cannot fill the memory.
const (
	maxFile   = 1 << 20
	maxNodes  = 32
	maxRadios = 8
)

const reference = "docs/HIL.md lists every key"

// Load reads a file and checks all values. Every mistake in it is an *Error.
func Load(path string) (*File, error) {
	b, err := read(path)
	if err != nil {
		return nil, &Error{Where: path, Message: "cannot be read: " + reason(err), Fix: "check the path of the bench file, and that you may read it", cause: err}
	}
	f, err := Parse(path, b)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	f.Bench.LockDir = below(dir, f.Bench.LockDir)
	for _, n := range f.Node {
		if n.SSH != nil {
			n.SSH.Key = below(dir, n.SSH.Key)
		}
	}
	return f, nil
}

// Parse reads a file's text; path is for messages. It touches nothing else.
func Parse(path string, text []byte) (*File, error) {
	f := &File{Path: path}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(f); err != nil {
		return nil, explain(path, err)
	}
	for i := range f.Node {
		f.Node[i].fill()
	}
	boards, err := board.LoadProfiles("")
	if err != nil {
		return nil, err
	}
	c := checker{path: path, lines: lines(text), boards: boards}
	c.file(f)
	if c.found != nil {
		return nil, c.found
	}
	return f, nil
}

// fill puts the defaults where a node says nothing.
func (n *Node) fill() {
	if n.System == "" {
		n.System = Appliance
	}
	if n.Console != nil && n.Console.Baud == 0 {
		n.Console.Baud = 115200
	}
	if n.SSH != nil && n.SSH.User == "" {
		n.SSH.User = "packhorse"
	}
	if n.SSH != nil && n.SSH.Address != "" && !strings.Contains(n.SSH.Address, ":") {
		n.SSH.Address += ":22"
	}
	if n.Power.Kind == "" {
		n.Power.Kind = NoSwitch
	}
}

// below makes a path absolute or relative to the bench file's directory; "~/" is the user's own.
func below(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(path) {
		return path
	}
	abs, err := filepath.Abs(filepath.Join(dir, path))
	if err != nil {
		return filepath.Join(dir, path)
	}
	return abs
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("larger than %d octets", maxFile)
	}
	return b, err
}

func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// mistyped is how the decoder says that a value has another type than its key.
var mistyped = regexp.MustCompile(`(?m)cannot decode TOML (\w+) into .* of type (\S+)$`)

// explain turns the decoder's error into one with file, line and caret.
func explain(path string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := &strict.Errors[0]
		return decodeError(path, e, fmt.Sprintf("unknown key %q", strings.Join(e.Key(), ".")), e.String(), "remove it or correct its name: "+reference)
	}
	var e *toml.DecodeError
	if !errors.As(err, &e) {
		return &Error{Where: path, Message: strings.TrimPrefix(err.Error(), "toml: "), Fix: reference}
	}
	if found := mistyped.FindStringSubmatch(e.Error()); found != nil {
		return decodeError(path, e, fmt.Sprintf("%s: this is of type %s", strings.Join(e.Key(), "."), found[1]), mistyped.ReplaceAllString(e.String(), "$1"), "give it as "+reference)
	}
	return decodeError(path, e, strings.TrimPrefix(e.Error(), "toml: "), e.String(), "correct the line: "+reference)
}

func decodeError(path string, e *toml.DecodeError, what, excerpt, fix string) error {
	row, _ := e.Position()
	return &Error{Where: fmt.Sprintf("%s:%d", path, row), Message: what, Excerpt: excerpt, Fix: fix}
}
