package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"regexp"
	"slices"
)

// ansi are the escape sequences of terminals (ECMA-48: control sequences, and those of two characters).
var ansi = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")

//go:embed report.html
var page string

var tmpl = template.Must(template.New("report").Funcs(template.FuncMap{"clean": Clean, "facts": facts, "figures": figures,
	"seconds": func(s float64) string { return fmt.Sprintf("%.1f s", s) }}).Parse(page))

// HTML writes the report as one page that refers to nothing outside but the collected files beside it.
func (r *Report) HTML(w io.Writer) error {
	v := shown{Report: r}
	for _, rig := range r.Rigs {
		v.Rigs = append(v.Rigs, shownRig{rig, draw(rig)})
	}
	return tmpl.Execute(w, v)
}

// shown is a report as the page wants it.
type shown struct {
	*Report
	Rigs []shownRig
}

type shownRig struct {
	Rig
	Chart chart
}

type fact struct{ Name, Value string }

func facts(m map[string]string) (out []fact) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fact{k, Clean(m[k])})
	}
	return out
}
