package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a file.
const (
	maxFile     = 1 << 20
	maxCommands = 10_000
)

// Script is a parsed file. It does not change when it runs.
type Script struct {
	File     string
	Seed     uint64 // the file's own; what it expects holds for this one
	Commands []Command
	lines    []line
}

// Command is one line of a file with the output that is expected of it.
type Command struct {
	Line    int    // from 1
	Text    string // as written
	Name    string
	Args    []string
	Options map[string]string
	Quote   string // what stood in quotes
	Quoted  bool
	Want    []string
}

// line is a line that a rewrite keeps.
type line struct {
	text    string
	command int // index, or -1 for a comment or a blank line
}

// Error is a mistake in a file, or something that went wrong there.
type Error struct {
	File string
	Line int
	Text string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Parse reads a file; its name is for errors, which are of type *Error.
func Parse(file string, text []byte) (*Script, error) {
	s := &Script{File: file, Seed: 1}
	if len(text) > maxFile {
		return nil, &Error{file, 1, fmt.Sprintf("the file has %d octets, at most %d are read", len(text), maxFile)}
	}
	for i, t := range strings.Split(string(text), "\n") {
		if err := s.add(i+1, strings.TrimRight(t, " \t\r")); err != nil {
			return nil, err
		}
	}
	for n := len(s.lines); n > 0 && s.lines[n-1].text == ""; n-- {
		s.lines = s.lines[:n-1]
	}
	if len(s.Commands) == 0 {
		return nil, &Error{file, 1, "the file has no command: begin with world, node, up"}
	}
	return s, nil
}

func (s *Script) add(n int, t string) error {
	switch {
	case t == "" || t[0] == '#':
		s.lines = append(s.lines, line{t, -1})
		return nil
	case t[0] == ' ' || t[0] == '\t':
		if len(s.Commands) == 0 || s.lines[len(s.lines)-1].command < 0 {
			return &Error{s.File, n, "expected output stands directly below its command"}
		}
		last := &s.Commands[len(s.Commands)-1]
		last.Want = append(last.Want, strings.TrimLeft(t, " \t"))
		return nil
	}
	c, err := parseCommand(t)
	switch {
	case err != nil:
		return &Error{s.File, n, err.Error()}
	case len(s.Commands) == maxCommands:
		return &Error{s.File, n, fmt.Sprintf("at most %d commands are read", maxCommands)}
	case c.Name == "world" && len(s.Commands) > 0:
		return &Error{s.File, n, "world is the first command"}
	}
	if c.Line = n; c.Options["seed"] != "" {
		if s.Seed, err = strconv.ParseUint(c.Options["seed"], 10, 64); err != nil {
			return &Error{s.File, n, fmt.Sprintf("%q is no seed: write a whole number", c.Options["seed"])}
		}
	}
	s.Commands = append(s.Commands, c)
	s.lines = append(s.lines, line{t, len(s.Commands) - 1})
	return nil
}

// parseCommand reads a line and holds it against the table of commands.
func parseCommand(t string) (Command, error) {
	c := Command{Text: t, Options: map[string]string{}}
	for rest := t; ; {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			break
		}
		var err error
		if rest, err = c.token(rest); err != nil {
			return c, err
		}
	}
	v, ok := verbNamed(c.Name)
	if !ok {
		return c, fmt.Errorf("%q is no command: %s", c.Name, strings.Join(verbNames(), " "))
	}
	return c, v.allows(c)
}

// token takes one word, option or text from the front of rest.
func (c *Command) token(rest string) (string, error) {
	if rest[0] == '"' {
		q, err := strconv.QuotedPrefix(rest)
		if err != nil || c.Quoted || c.Name == "" {
			return "", fmt.Errorf("a text stands once, in double quotes, after the command: %s", rest)
		}
		c.Quote, err = strconv.Unquote(q)
		c.Quoted = true
		return rest[len(q):], err
	}
	word := rest
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		word = rest[:i]
	}
	key, value, option := strings.Cut(word, "=")
	switch {
	case c.Name == "":
		c.Name = word
	case !option:
		c.Args = append(c.Args, word)
	default:
		if _, twice := c.Options[key]; twice {
			return "", fmt.Errorf("%s= stands twice", key)
		}
		c.Options[key] = value
	}
	return rest[len(word):], nil
}

// allows tells what a command has too many or too few of.
func (v verb) allows(c Command) error {
	if len(c.Args) < v.min || len(c.Args) > v.max {
		return fmt.Errorf("write it as: %s", v.usage)
	}
	for _, key := range sortedOptions(c.Options) {
		if !slices.Contains(v.options, key) {
			return fmt.Errorf("%s knows no %s=: %s", c.Name, key, v.usage)
		}
		if c.Options[key] == "" {
			return fmt.Errorf("%s= has no value", key)
		}
	}
	if c.Quoted && !v.text {
		return fmt.Errorf("%s takes no text: %s", c.Name, v.usage)
	}
	return nil
}

func sortedOptions(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Expects tells whether the file says anything about output. A new one does not yet: only its bounds and
// checks count.
func (s *Script) Expects() bool {
	return slices.ContainsFunc(s.Commands, func(c Command) bool { return len(c.Want) > 0 })
}

// Rewrite is the file with these outputs in place of the expected ones, one for each command; those
// that are missing at the end stay as they were.
func (s *Script) Rewrite(outputs [][]string) []byte {
	var b strings.Builder
	for _, l := range s.lines {
		b.WriteString(l.text + "\n")
		if l.command < 0 {
			continue
		}
		out := s.Commands[l.command].Want
		if l.command < len(outputs) {
			out = outputs[l.command]
		}
		for _, o := range out {
			b.WriteString("  " + o + "\n")
		}
	}
	return []byte(b.String())
}
