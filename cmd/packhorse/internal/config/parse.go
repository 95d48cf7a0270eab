package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Error is a mistake in a configuration: where, what, and what to do.
type Error struct {
	Where   string // file:line, or what else set it
	Message string
	Excerpt string // the line with a caret under the place; may be empty
	Fix     string
	cause   error
}

// Unwrap is what the system said, if it was that.
func (e *Error) Unwrap() error { return e.cause }

// Error is one line; Excerpt and Fix are for a person besides.
func (e *Error) Error() string { return e.Where + ": " + e.Message }

// byteOrderMark begins files of some editors (Unicode standard, section 23.8).
var byteOrderMark = []byte("\xef\xbb\xbf")

// file merges one file into l.
func (l *Loaded) file(path string) error {
	b, ours := l.instead[path]
	if ours && b == nil {
		return unreadable(path, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist})
	}
	if !ours {
		var err error
		if b, err = read(path); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return &Error{Where: path, Message: "written in UTF-16", Fix: "save it as UTF-8, which editors offer beside the file's name"}
	}
	b = bytes.TrimPrefix(b, byteOrderMark)
	l.Files = append(l.Files, path)
	next := l.Config
	next.Radio, next.Internet.Peer, next.Uplink.Fixed, next.Adjust = nil, nil, nil, nil
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	if err := d.Decode(&next); err != nil {
		return explain(path, err)
	}
	l.locate(path, b)
	l.collectAdjust(next.Adjust)
	next.Radio = append(l.Radio, next.Radio...)
	next.Internet.Peer = append(l.Internet.Peer, next.Internet.Peer...)
	next.Uplink.Fixed = append(l.Uplink.Fixed, next.Uplink.Fixed...)
	l.Config = next
	return nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	if len(b) > maxFile {
		return nil, &Error{Where: path, Message: fmt.Sprintf("larger than %d octets", maxFile), Fix: "this is not a configuration: check the path"}
	}
	return b, nil
}

// unreadable says in the system's words why a file cannot be read.
func unreadable(path string, err error) error {
	e := &Error{Where: path, Message: "cannot be read", Fix: "check the path, and that you may read it", cause: err}
	var p *fs.PathError
	if errors.As(err, &p) {
		e.Message += ": " + p.Err.Error()
	}
	return e
}

// explain turns the decoder's error into one with file, line and caret.
func explain(path string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := &strict.Errors[0]
		key := strings.Join(e.Key(), ".")
		return decodeError(path, e, fmt.Sprintf("unknown key %q", key), nearest(key))
	}
	var e *toml.DecodeError
	if errors.As(err, &e) {
		if found := mistyped.FindStringSubmatch(e.Error()); found != nil {
			return mistypedError(path, e, found[1], found[2])
		}
		fix := "correct the line; docs/CONFIG.md lists every key"
		if strings.ContainsAny(e.String(), "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb") {
			fix = "type plain quotes, \", in place of those that a word processor made of them"
		}
		return decodeError(path, e, strings.TrimPrefix(e.Error(), "toml: "), fix)
	}
	return &Error{Where: path, Message: err.Error(), Fix: "docs/CONFIG.md lists every key"}
}

func decodeError(path string, e *toml.DecodeError, what, fix string) error {
	row, col := e.Position()
	return &Error{Where: fmt.Sprintf("%s:%d:%d", path, row, col), Message: what, Excerpt: veil(e.String()), Fix: fix}
}

// secretLine is one that may hold a secret: the keys of Secret, by their last words.
var secretLine = regexp.MustCompile(`(?m)(\b(?:passphrase|join)["']?\s*=\s*)\S.*$`)

// veil hides secrets in an excerpt, which ends up in logs and on screens: also those on lines beside the mistake.
func veil(excerpt string) string { return secretLine.ReplaceAllString(excerpt, "$1(hidden)") }

// mistyped is how the decoder says that a value has another type than its key.
var mistyped = regexp.MustCompile(`(?m)cannot decode TOML (\w+) into .* of type (\S+)$`)

// mistypedError says it in words of the file: the decoder's name fields of our source.
func mistypedError(path string, e *toml.DecodeError, got, goType string) error {
	row, col := e.Position()
	return &Error{Where: fmt.Sprintf("%s:%d:%d", path, row, col), Message: fmt.Sprintf("%s: this is of type %s", strings.Join(e.Key(), "."), got),
		Excerpt: veil(mistyped.ReplaceAllString(e.String(), "$1")), Fix: "give " + wanted(goType)}
}

// wanted says in words what a Go type takes.
func wanted(goType string) string {
	switch bare := strings.TrimLeft(goType, "*u"); {
	case strings.HasPrefix(bare, "int"):
		return "a whole number, without quotes or decimals"
	case strings.HasPrefix(bare, "float"):
		return "a number, without quotes"
	case bare == "bool":
		return "true or false, without quotes"
	case bare == "string":
		return "a text in quotes"
	}
	return "what docs/CONFIG.md shows for it"
}

// nearest suggests the known key that differs least from a mistaken one: of the same table, or the same name in another.
func nearest(key string) string {
	table, last := split(key)
	best, at := "", 3
	for _, k := range Keys {
		place, name := split(strings.NewReplacer("[[", "", "]]", "").Replace(k.Name))
		if d := distance(last, name); d < at && (d == 0 || place == table) {
			best, at = k.Name, d
		}
	}
	if best == "" {
		return "remove it; docs/CONFIG.md lists every key"
	}
	return "did you mean " + best + "?"
}

// split cuts a key in its table and its name.
func split(key string) (table, name string) {
	dot := strings.LastIndexByte(key, '.')
	return key[:max(dot, 0)], key[dot+1:]
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// locate notes the line of every key of a file. Elements of arrays of tables are
// numbered over all files.
func (l *Loaded) locate(path string, b []byte) {
	p := unstable.Parser{}
	p.Reset(b)
	counts := map[string]int{"radio": len(l.Radio), "internet.peer": len(l.Internet.Peer), "uplink.fixed": len(l.Uplink.Fixed)}
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		key, line := keyOf(&p, e)
		switch e.Kind {
		case unstable.Table:
			table = key
		case unstable.ArrayTable:
			table = fmt.Sprintf("%s.%d", key, counts[key])
			counts[key]++
		case unstable.KeyValue:
			if table != "" {
				key = table + "." + key
			}
			l.note(&p, key, e.Value(), fmt.Sprintf("%s:%d", path, line))
		}
	}
}

// note records a key's place, also for each value of a list; the keys of an inline table are recorded one by one.
func (l *Loaded) note(p *unstable.Parser, key string, v *unstable.Node, where string) {
	if v.Kind != unstable.InlineTable {
		l.Origins[key] = where
		if v.Kind == unstable.Array {
			l.noteList(key, v, where)
		}
		return
	}
	for it := v.Children(); it.Next(); {
		name, _ := keyOf(p, it.Node())
		l.note(p, key+"."+name, it.Node().Value(), where)
	}
}

func (l *Loaded) noteList(key string, v *unstable.Node, where string) {
	n := 0
	for it := v.Children(); it.Next(); n++ {
		l.Origins[fmt.Sprintf("%s.%d", key, n)] = where
	}
}

func keyOf(p *unstable.Parser, e *unstable.Node) (string, int) {
	var parts []string
	line := 0
	for it := e.Key(); it.Next(); {
		n := it.Node()
		parts = append(parts, string(n.Data))
		if line == 0 {
			line = p.Shape(n.Raw).Start.Line
		}
	}
	return strings.Join(parts, "."), line
}
