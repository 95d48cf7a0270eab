package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// setupReport is what became of a run of setup. It holds no secret, and no time: the same end is the same text, so that a
// card is not written for nothing.
type setupReport struct {
	admin.Head
	Name   string   `json:"name,omitempty"`
	ID     string   `json:"id,omitempty"`
	Region string   `json:"region,omitempty"`
	Law    []string `json:"law"`
	Domain string   `json:"domain,omitempty"`
	Done   []string `json:"done"`
	Kept   []string `json:"already"`
	Waits  string   `json:"waits,omitempty"`
	Next   string   `json:"next,omitempty"`
	Files  []string `json:"files"`

	from    string
	wanted  setupWanted
	radios  []string
	wrong   *admin.Error
	excerpt string
	changed changed // by --from
	copied  bool
}

func (r *setupReport) done(what string)    { r.Done = append(r.Done, what) }
func (r *setupReport) already(what string) { r.Kept = append(r.Kept, what) }

// end notes how it ended, and what is to be done next.
func (r *setupReport) end(err error) {
	e := admin.AsError(err)
	switch {
	case err == nil:
		r.Next = r.next()
	case e.Code == admin.CodeNotYet:
		r.Waits, r.Next = e.Message, e.Fix
	default:
		r.wrong, r.Next = e, e.Fix
		var c *config.Error
		if errors.As(err, &c) {
			r.wrong = &admin.Error{Message: c.Error(), Fix: c.Fix}
			r.excerpt, r.Next = c.Excerpt, c.Fix
		}
	}
}

func (r *setupReport) next() string {
	switch {
	case r.Region == "" && len(r.radios) > 0:
		return "name the region: packhorse setup --region, or region in the configuration; no radio transmits without it"
	case len(r.radios) == 0 && r.wanted.Radio != "none":
		return "plug in a radio: packhorse board probe and packhorse board serial find it, packhorse setup --radio names it"
	case r.Domain == "":
		return "packhorse up --domain NAME founds a domain, packhorse pair CODE joins one"
	}
	return "packhorse status says how it is, packhorse doctor what could be better"
}

// text is the report for people, whole lines.
func (r *setupReport) text() string {
	var b bytes.Buffer
	line := func(format string, v ...any) { fmt.Fprintf(&b, format+"\n", v...) }
	if e := r.wrong; e != nil {
		line("WRONG: %s", clean(e.Message))
		if r.excerpt != "" {
			line("%s", strings.TrimRight(clean(r.excerpt), "\n"))
		}
		if e.Fix != "" {
			line("What to do: %s", clean(e.Fix))
		}
		if len(r.Done) == 0 {
			line("Nothing was changed.")
		}
	}
	r.understood(line)
	section(line, "Done", r.Done)
	section(line, "As wanted already", r.Kept)
	section(line, "What the law says", r.Law)
	if r.ID != "" {
		line("Gateway:\n  %s, id %s", clean(r.Name), r.ID)
		line("  %s", map[bool]string{true: "in no domain", false: "in domain " + r.Domain}[r.Domain == ""])
	}
	if r.Waits != "" {
		line("Not yet: %s", clean(r.Waits))
	}
	if r.Next != "" && r.wrong == nil {
		line("Next: %s", clean(r.Next))
	}
	return b.String()
}

func section(line func(string, ...any), title string, all []string) {
	if len(all) == 0 {
		return
	}
	line("%s:", title)
	for _, s := range all {
		line("  %s", clean(s))
	}
}

// understood says what was read, without secrets.
func (r *setupReport) understood(line func(string, ...any)) {
	var rows []string
	add := func(what, value string) {
		if value != "" {
			rows = append(rows, fmt.Sprintf("%-7s %s", what, value))
		}
	}
	add("name", r.Name)
	add("region", r.Region)
	add("radio", strings.Join(r.radios, ", "))
	add("domain", r.wanted.Domain)
	switch {
	case strings.Contains(r.wanted.Join, ":"):
		add("join", "by an invite")
	case r.wanted.Join != "":
		add("join", "by a code")
	}
	title := "Understood"
	if r.from != "" {
		title += " of " + r.from
	}
	section(line, title, rows)
}

// write puts the report into a file, when it says something else than what is there.
func (r *setupReport) write(path string) error {
	text := []byte("Packhorse setup\n\n" + r.text())
	old, err := current(path)
	if err == nil && !bytes.Equal(old, text) {
		err = replace(path, text)
	}
	if err != nil {
		return unwritable(path, err)
	}
	return nil
}
