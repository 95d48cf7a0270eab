package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// boardDir is where a user's own board profiles are: beside the configuration.
func (a *app) boardDir() string {
	path := a.config
	if path == "" {
		path = a.getenv("PACKHORSE_CONFIG")
	}
	if path == "" {
		path = config.DefaultPath
	}
	return filepath.Join(filepath.Dir(path), "boards.d")
}

// profiles reads the boards that are known. A mistake in one of the user's own files is one of the command line.
func (a *app) profiles() ([]*board.Profile, error) {
	list, err := board.LoadProfiles(a.boardDir())
	if err != nil {
		return nil, usage("see docs/BOARDS.md", "%v", err)
	}
	return list, nil
}

type boardLine struct {
	Name      string            `json:"name"`
	Title     string            `json:"title"`
	Kind      string            `json:"kind"`
	Chip      string            `json:"chip"`
	Bus       string            `json:"bus"`
	Pins      map[string]string `json:"pins"`
	MaxDBm    float64           `json:"max_dbm"`
	Confirmed bool              `json:"confirmed"`
	Template  bool              `json:"template"`
	Source    string            `json:"source"`
	Notes     string            `json:"notes,omitempty"`
	Origin    string            `json:"origin"`
}

func lineOf(p *board.Profile) boardLine {
	bus := p.SPI.Device
	if !p.OnSPI() {
		bus = p.UART.Device
	}
	return boardLine{p.Name, p.Title, p.Radio.Kind, p.Radio.Chip, bus, p.Wiring(), p.MaxDBm(), p.Confirmed, p.Template, p.Source, p.Notes, p.Origin}
}

func (a *app) boardList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "list the radio boards that are known",
		Long: `Lists the board profiles that are built in and those of boards.d beside the configuration, which replace them by name. A board that is not
confirmed has its pins from one source alone.`,
		Args: none,
		RunE: func(*cobra.Command, []string) error {
			list, err := a.profiles()
			if err != nil {
				return err
			}
			v := struct {
				admin.Head
				Boards []boardLine `json:"boards"`
			}{a.head("packhorse.board_list/1"), []boardLine{}}
			for _, p := range list {
				v.Boards = append(v.Boards, lineOf(p))
			}
			return a.answer(v, func() { a.sayBoards(v.Boards) })
		},
	}
}

func (a *app) sayBoards(list []boardLine) {
	rows := [][]string{{"BOARD", "CHIP", "MAX", "PINS", "TITLE"}}
	for _, b := range list {
		pins := "confirmed"
		switch {
		case b.Origin != "built in":
			pins = "your own"
		case b.Template:
			pins = "template"
		case !b.Confirmed:
			pins = "one source"
		}
		rows = append(rows, []string{b.Name, b.Chip, fmt.Sprintf("%g dBm", b.MaxDBm), pins, clean(b.Title)})
	}
	table(a.out, rows)
}

type foundBoard struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Bus    string `json:"bus"`
	Chip   string `json:"chip"`
	Proven bool   `json:"proven"`
}

type missedBoard struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

type scanned struct {
	admin.Head
	OK     bool          `json:"ok"`
	Found  []foundBoard  `json:"found"`
	Missed []missedBoard `json:"missed"`
	Fix    string        `json:"fix,omitempty"`
}

// scan looks for the boards that are known, or for the one that is named. Not finding exactly one is a problem.
func (a *app) scan(names []string, open func(*board.Profile) (*board.Hardware, error)) error {
	list, err := a.profiles()
	if err != nil {
		return err
	}
	if len(names) == 1 {
		p, err := board.FindProfile(list, names[0])
		if err != nil {
			return usage("packhorse board list", "%v", err)
		}
		list = []*board.Profile{p}
	}
	found, missed := board.Scan(list, open)
	v := scanned{Head: a.head("packhorse.board_scan/1"), OK: len(found) == 1, Found: []foundBoard{}, Missed: []missedBoard{}, Fix: board.Advise(found, missed)}
	for _, f := range found {
		v.Found = append(v.Found, foundBoard{f.Profile.Name, f.Profile.Title, f.Profile.SPI.Device, f.Chip.Name, f.Proven})
	}
	for _, m := range missed {
		v.Missed = append(v.Missed, missedBoard{m.Profile.Name, whyOf(m)})
	}
	if err = a.answer(v, func() { a.sayScan(v) }); err == nil && !v.OK {
		err = problem{1}
	}
	return err
}

// whyOf is the reason without what the line that it stands in says already.
func whyOf(m board.Missed) string {
	return strings.TrimPrefix(strings.TrimPrefix(m.Err.Error(), m.Profile.Name+": "), "board: ")
}

func (a *app) sayScan(v scanned) {
	for _, f := range v.Found {
		a.say("%s %s: %s on %s, %s", map[bool]string{true: "ok   ", false: "warn "}[v.OK], f.Name, f.Chip, f.Bus, clean(f.Title))
	}
	if len(v.Found) == 0 {
		a.say("fail  no radio board answers")
		for _, m := range v.Missed {
			a.hint("%s: %s", m.Name, clean(m.Why))
		}
	}
	if v.Fix != "" {
		a.say("      fix: %s", clean(v.Fix))
	}
}
