// Package roff writes manual pages in the macros of man(7), as far as ours need them.
package roff

import (
	"regexp"
	"strings"
)

// Page is a manual page that is being written. The zero value is empty.
type Page struct {
	b      strings.Builder
	titled bool // a title was written last, after which a paragraph begins by itself
}

// New begins a page with its header line: title, section, date (may be empty), what it belongs to and which manual.
func New(title, section, date, source, manual string) *Page {
	p := &Page{}
	p.b.WriteString(".TH")
	for _, v := range []string{title, section, date, source, manual} {
		p.b.WriteString(` "` + strings.ReplaceAll(v, `"`, `\(dq`) + `"`)
	}
	p.b.WriteString("\n.nh\n.ad l\n") // no word is parted, and no line blown up: both spoil what is to be copied
	return p
}

// String is the source of the page.
func (p *Page) String() string { return p.b.String() }

// Section begins a section.
func (p *Page) Section(title string) { p.title(".SH", title) }

// Part begins a part of a section.
func (p *Page) Part(title string) { p.title(".SS", title) }

func (p *Page) title(macro, text string) {
	p.b.WriteString(macro + ` "` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + "\"\n")
	p.titled = true
}

// paragraph begins one.
func (p *Page) paragraph() {
	if !p.titled {
		p.b.WriteString(".PP\n")
	}
	p.titled = false
}

// Text writes paragraphs, which empty lines part. Lines that begin with a blank stand as they are, and words in
// backticks are bold.
func (p *Page) Text(text string) {
	for _, block := range strings.Split(strings.TrimSpace(dedent(text)), "\n\n") {
		p.paragraph()
		p.block(block)
	}
}

// Example writes lines as they are.
func (p *Page) Example(text string) {
	p.paragraph()
	p.lines(strings.Split(strings.Trim(dedent(text), "\n"), "\n"))
}

// Term writes a word and what it means.
func (p *Page) Term(word, meaning string) {
	p.b.WriteString(".TP\n" + bold(word) + "\n")
	p.titled = false
	p.block(strings.TrimSpace(meaning))
}

// Line writes one line of words that are bold as they are, such as a synopsis.
func (p *Page) Line(words string) {
	p.paragraph()
	p.b.WriteString(bold(words) + "\n")
}

// block writes lines of a paragraph; those that begin with a blank stand as they are.
func (p *Page) block(text string) {
	if text == "" {
		p.b.WriteString("\\&\n") // a term without a meaning is none
		return
	}
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && indented(lines[n]) == indented(lines[0]) {
			n++
		}
		if indented(lines[0]) {
			p.lines(lines[:n])
		} else {
			p.b.WriteString(inline(strings.Join(lines[:n], "\n")) + "\n")
		}
		lines = lines[n:]
	}
}

func (p *Page) lines(list []string) {
	p.b.WriteString(".RS 4\n.nf\n")
	for _, l := range list {
		p.b.WriteString(guard(escape(l)) + "\n")
	}
	p.b.WriteString(".fi\n.RE\n")
}

func indented(line string) bool { return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") }

// dedent takes away the blanks that all lines begin with.
func dedent(text string) string {
	lines, least := strings.Split(text, "\n"), -1
	for _, l := range lines {
		if rest := strings.TrimLeft(l, " "); rest != "" && (least < 0 || len(l)-len(rest) < least) {
			least = len(l) - len(rest)
		}
	}
	for i, l := range lines {
		lines[i] = l[min(max(least, 0), len(l)-len(strings.TrimLeft(l, " "))):]
	}
	return strings.Join(lines, "\n")
}

var (
	code = regexp.MustCompile("`([^`\n]+)`")
	long = regexp.MustCompile(`\S{50,}`) // may be broken at its slashes
)

// inline escapes text and makes what is in backticks bold.
func inline(text string) string {
	var lines []string
	for _, l := range strings.Split(text, "\n") {
		l = long.ReplaceAllStringFunc(escape(l), func(path string) string { return strings.ReplaceAll(path, "/", `/\:`) })
		lines = append(lines, guard(code.ReplaceAllString(l, `\fB${1}\fR`)))
	}
	return strings.Join(lines, "\n")
}

func bold(text string) string { return `\fB` + escape(text) + `\fR` }

// escapes are for characters that mean something else to troff, or that a terminal would show as others (groff_char(7)).
var escapes = strings.NewReplacer(`\`, `\(rs`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`)

func escape(text string) string { return escapes.Replace(text) }

// guard keeps a line from being taken for a request.
func guard(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
