package domain

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// CodeLen is the number of characters of a pairing code: 8 of 5 bits, 40 bits together. So few are enough
// because guessing takes a run with the inviter for every try (link/cpace) and the inviter stops after five.
const CodeLen = 8

// codeAlphabet is Crockford's Base32: no I, L, O or U.
const codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewCode draws a pairing code from 8 octets of rand: 8 characters without dash, as link.OpenPairing wants it.
func NewCode(rand io.Reader) (string, error) {
	var b [CodeLen]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("domain: no random octets for a pairing code: %w", err)
	}
	for i := range b {
		b[i] = codeAlphabet[b[i]%byte(len(codeAlphabet))]
	}
	return string(b[:]), nil
}

// FormatCode writes a code for people: K7QM-2XTD. Other lengths stay as they are.
func FormatCode(code string) string {
	if len(code) != CodeLen {
		return code
	}
	return code[:CodeLen/2] + "-" + code[CodeLen/2:]
}

// ParseCode reads what a person typed: any case, with spaces and dashes anywhere, O for 0 and I or L for 1.
// The error names what is wrong and never repeats the whole code.
func ParseCode(s string) (string, error) {
	if len(s) > 8*CodeLen {
		return "", errors.New("domain: that is too long for a pairing code: it has 8 characters, as K7QM-2XTD")
	}
	var b strings.Builder
	for _, r := range strings.ToUpper(s) {
		switch {
		case strings.ContainsRune(" -\t\r\n", r):
			continue
		case r == 'O':
			r = '0'
		case r == 'I' || r == 'L':
			r = '1'
		case !strings.ContainsRune(codeAlphabet, r):
			return "", fmt.Errorf("domain: %q is never in a pairing code: look at the other screen again", r)
		}
		b.WriteRune(r)
	}
	if b.Len() != CodeLen {
		return "", fmt.Errorf("domain: a pairing code has 8 characters, as K7QM-2XTD: this one has %d", b.Len())
	}
	return b.String(), nil
}
