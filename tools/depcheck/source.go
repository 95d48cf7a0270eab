package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// checkSource judges one file, test files not among them: no process is ended outside
// cmd and tools, no init function anywhere, and in pure packages neither clock nor goroutine.
func checkSource(importPath, file string, src []byte) ([]string, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	r, _ := roomOf(importPath)
	s := source{fset: fset, names: imported(f), mayExit: r.name == "cmd" || r.name == "tools", pure: isPure(importPath)}
	ast.Inspect(f, s.visit)
	return s.found, nil
}

type source struct {
	fset          *token.FileSet
	names         map[string]string // local name to import path
	mayExit, pure bool
	found         []string
}

// imported maps the names that a file gives its imports.
func imported(f *ast.File) map[string]string {
	m := map[string]string{}
	for _, i := range f.Imports {
		path := strings.Trim(i.Path.Value, `"`)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		m[name] = path
	}
	return m
}

func (s *source) say(n ast.Node, format string, a ...any) {
	s.found = append(s.found, fmt.Sprintf("%s: %s", s.fset.Position(n.Pos()), fmt.Sprintf(format, a...)))
}

func (s *source) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncDecl:
		if n.Recv == nil && n.Name.Name == "init" {
			s.say(n, "init function: hidden order and global state; call it where it is needed")
		}
	case *ast.GoStmt:
		if s.pure {
			s.say(n, "goroutine in a state machine: its shell owns the only one")
		}
	case *ast.SelectorExpr:
		s.selector(n)
	}
	return true
}

func (s *source) selector(n *ast.SelectorExpr) {
	id, ok := n.X.(*ast.Ident)
	if !ok {
		return
	}
	path, name := s.names[id.Name], n.Sel.Name
	switch {
	case !s.mayExit && (path == "os" && name == "Exit" || path == "log" && (strings.HasPrefix(name, "Fatal") || strings.HasPrefix(name, "Panic"))):
		s.say(n, "%s.%s ends the process: return an error; only cmd decides", id.Name, name)
	case s.pure && path == "time" && clocks[name]:
		s.say(n, "time.%s in a state machine: now is an argument", name)
	}
}
