package roff

import "testing"

func TestPage(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(*Page)
		want  string
	}{
		{"section", func(p *Page) { p.Section(`SEE "ALSO"`) }, ".SH \"SEE \\(dqALSO\\(dq\"\n"},
		{"paragraph after a title", func(p *Page) { p.Part("A"); p.Text("b\n\nc") }, ".SS \"A\"\nb\n.PP\nc\n"},
		{"paragraphs", func(p *Page) { p.Text("one\ntwo\n\nthree") }, ".PP\none\ntwo\n.PP\nthree\n"},
		{"what troff would take for itself", func(p *Page) { p.Text(".conf\n'quoted' a\\b --flag") },
			".PP\n\\&.conf\n\\(aqquoted\\(aq a\\(rsb \\-\\-flag\n"},
		{"code", func(p *Page) { p.Text("set `a-b` or `c`") }, ".PP\nset \\fBa\\-b\\fR or \\fBc\\fR\n"},
		{"a path longer than a line", func(p *Page) { p.Text("see /sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors") },
			".PP\nsee /\\:sys/\\:devices/\\:system/\\:cpu/\\:cpu0/\\:cpufreq/\\:scaling_available_governors\n"},
		{"lines as they are", func(p *Page) { p.Text("so:\n  a\n  .b\nand on") }, ".PP\nso:\n.RS 4\n.nf\n  a\n  .b\n.fi\n.RE\nand on\n"},
		{"example", func(p *Page) { p.Example("  a\n    b") }, ".PP\n.RS 4\n.nf\na\n  b\n.fi\n.RE\n"},
		{"term", func(p *Page) { p.Term("--json", "answer in JSON") }, ".TP\n\\fB\\-\\-json\\fR\nanswer in JSON\n"},
		{"term without a meaning", func(p *Page) { p.Term("x", "") }, ".TP\n\\fBx\\fR\n\\&\n"},
	} {
		p := &Page{}
		if c.write(p); p.String() != c.want {
			t.Errorf("%s: got %q, want %q", c.name, p.String(), c.want)
		}
	}
}

func TestHeader(t *testing.T) {
	if got, want := New("PACKHORSE", "1", "", "packhorse 1.0-rc1", "User Commands").String(),
		".TH \"PACKHORSE\" \"1\" \"\" \"packhorse 1.0-rc1\" \"User Commands\"\n.nh\n.ad l\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
