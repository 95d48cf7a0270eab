package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"packhorse/cmd/packhorse/internal/config"
)

// setupMark remembers between runs of setup what is over, in the state directory: with that the domain goes, and the mark. It holds
// fingerprints, not codes or names.
type setupMark struct {
	Name  string `json:"name,omitempty"` // that was given to the gateway
	Join  string `json:"join,omitempty"` // code or invite that the rest is about
	Used  bool   `json:"used,omitempty"`
	Over  bool   `json:"over,omitempty"`
	Tries int    `json:"tries,omitempty"` // runs in which nobody was found
	Why   string `json:"why,omitempty"`

	was string // as it was read
}

func markPath(l *config.Loaded) string { return filepath.Join(l.StateDir, "setup.json") }

// readMark answers an empty one where none can be read.
func readMark(l *config.Loaded) *setupMark {
	m := &setupMark{}
	if b, err := os.ReadFile(markPath(l)); err == nil {
		if json.Unmarshal(b, m) != nil {
			m = &setupMark{}
		}
		m.was = string(b)
	}
	return m
}

// keepMark writes the mark when it changed. Who may not write it is told; nothing is lost but that a code may be tried again.
func (a *app) keepMark(l *config.Loaded, m *setupMark) error {
	b, err := json.Marshal(m)
	if err != nil || string(b) == m.was || *m == (setupMark{was: m.was}) && m.was == "" {
		return err
	}
	if err := replaceAs(markPath(l), b, 0o600); err != nil {
		a.hint("note: %s cannot be written (%s): the next run of setup may try the same code again", markPath(l), plainCause(err))
	}
	return nil
}

// fingerprint tells two texts apart without telling them. Case, blanks and dashes of a code do not matter.
func fingerprint(text string) string {
	text = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\n", "", "\t", "", "\r", "").Replace(text))
	sum := sha256.Sum256([]byte("packhorse setup " + text))
	return hex.EncodeToString(sum[:8])
}
