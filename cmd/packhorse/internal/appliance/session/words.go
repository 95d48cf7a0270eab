// Package session takes command lines of packhorse from a person without a shell: at the consoles of the appliance, and over SSH.
package session

import (
	"errors"
	"strings"
)

// maxLine bounds a command line in octets.
const maxLine = 64 << 10

// Mistakes in a command line.
var (
	errQuote  = errors.New("a quote is not closed")
	errEscape = errors.New("nothing follows the last backslash")
	errLong   = errors.New("the line is too long")
	errNUL    = errors.New("the line holds a NUL")
)

// Split cuts a line into words as a shell does, with single quotes, double quotes and backslashes, and nothing else of
// a shell: no variables, patterns, pipes or comments (POSIX.1-2017, XCU 2.2).
func Split(line string) ([]string, error) {
	if len(line) > maxLine {
		return nil, errLong
	}
	if strings.ContainsRune(line, 0) {
		return nil, errNUL
	}
	var words []string
	for rest := line; ; {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest == "" {
			return words, nil
		}
		w, after, err := word(rest)
		if err != nil {
			return nil, err
		}
		words, rest = append(words, w), after
	}
}

// word is the first word of a text that begins with one, and what follows it.
func word(s string) (string, string, error) {
	var b strings.Builder
	for s != "" {
		var err error
		switch c := s[0]; c {
		case ' ', '\t', '\r', '\n':
			return b.String(), s, nil
		case '\'', '"':
			s, err = quoted(&b, s[1:], c)
		case '\\':
			if len(s) == 1 {
				return "", "", errEscape
			}
			b.WriteByte(s[1])
			s = s[2:]
		default:
			b.WriteByte(c)
			s = s[1:]
		}
		if err != nil {
			return "", "", err
		}
	}
	return b.String(), "", nil
}

// quoted appends what stands before the closing quote and answers what follows it. Between double quotes a backslash
// protects a quote or a backslash.
func quoted(b *strings.Builder, s string, quote byte) (string, error) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return s[i+1:], nil
		case s[i] == '\\' && quote == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", errQuote
}
