package benchfile

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lines finds the line of every key and table of a file. Elements of arrays of tables are numbered: "node.1.radio.0.name".
func lines(text []byte) map[string]int {
	p := unstable.Parser{}
	p.Reset(text)
	at := map[string]int{}
	counts := map[string]int{}
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		parts, line := keyOf(&p, e)
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = numbered(parts, counts, e.Kind == unstable.ArrayTable)
			at[table] = line
		case unstable.KeyValue:
			note(&p, at, strings.TrimPrefix(table+"."+strings.Join(parts, "."), "."), line, e.Value())
		}
	}
	return at
}

// numbered gives the arrays in a table's name the number of their last element, or with begin of a new one.
func numbered(parts []string, counts map[string]int, begin bool) string {
	name := ""
	for i, part := range parts {
		name = strings.TrimPrefix(name+"."+part, ".")
		last := i == len(parts)-1
		if last && begin {
			counts[name]++
		}
		if n := counts[name]; n > 0 {
			name = fmt.Sprintf("%s.%d", name, n-1)
		}
	}
	return name
}

// note records a key, and those of an inline table.
func note(p *unstable.Parser, at map[string]int, key string, line int, v *unstable.Node) {
	at[key] = line
	if v.Kind != unstable.InlineTable {
		return
	}
	for it := v.Children(); it.Next(); {
		parts, line := keyOf(p, it.Node())
		note(p, at, key+"."+strings.Join(parts, "."), line, it.Node().Value())
	}
}

func keyOf(p *unstable.Parser, e *unstable.Node) (parts []string, line int) {
	for it := e.Key(); it.Next(); {
		n := it.Node()
		parts = append(parts, string(n.Data))
		if line == 0 {
			line = p.Shape(n.Raw).Start.Line
		}
	}
	return parts, line
}
