package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// The elements of JUnit's report as Jenkins' xunit plugin describes them (jenkins-junit.xsd); GitLab reads the same.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitMessage `xml:"failure"`
		Skipped *junitMessage `xml:"skipped"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the report as JUnit XML: a testsuite for each suite on each rig, and one with a skipped case for a rig
// that was not there.
func (r *Report) JUnit(w io.Writer) error {
	all := junitSuites{Name: "packhorse-bench", Tests: len(r.Cases), Failures: r.Failed, Skipped: r.Skipped, Time: seconds(r.TookS)}
	host, _ := os.Hostname()
	for _, rig := range r.Rigs {
		for _, name := range r.suitesOn(rig.Kind) {
			all.Suites = append(all.Suites, r.junitSuite(rig, name, host))
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// suitesOn are the suites that have cases on a rig, in the order in which they ran.
func (r *Report) suitesOn(kind string) (names []string) {
	for _, c := range r.Cases {
		if c.Rig == kind && !slices.Contains(names, c.Suite) {
			names = append(names, c.Suite)
		}
	}
	return names
}

func (r *Report) junitSuite(rig Rig, name, host string) junitSuite {
	s := junitSuite{Name: rig.Kind + "." + name, Hostname: host, Properties: properties(rig)}
	var took, from float64
	for _, c := range r.Cases {
		if c.Rig != rig.Kind || c.Suite != name {
			continue
		}
		if s.Tests == 0 {
			from = c.FromS
		}
		s.Tests++
		took += c.TookS
		s.add(c)
	}
	s.Time = seconds(took)
	s.Timestamp = r.Began.Add(time.Duration(from * float64(time.Second))).UTC().Format("2006-01-02T15:04:05")
	return s
}

func (s *junitSuite) add(c Case) {
	j := junitCase{Class: s.Name, Name: c.Name, Time: seconds(c.TookS), Output: figures(c.Figures)}
	switch c.Outcome {
	case Skipped:
		s.Skipped++
		j.Skipped = &junitMessage{Message: Clean(c.Reason)}
	case Failed:
		s.Failures++
		j.Failure = &junitMessage{Message: Clean(c.Reason), Type: "failure", Text: Clean(c.Output)}
	}
	s.Cases = append(s.Cases, j)
}

// properties say what was tested: facts of the rig and of its nodes.
func properties(rig Rig) (out []junitProperty) {
	out = append(out, junitProperty{"rig", rig.Kind + " " + rig.Name})
	for _, k := range slices.Sorted(maps.Keys(rig.Facts)) {
		out = append(out, junitProperty{"rig." + k, Clean(rig.Facts[k])})
	}
	for _, n := range rig.Nodes {
		for _, k := range slices.Sorted(maps.Keys(n.Facts)) {
			out = append(out, junitProperty{n.Name + "." + k, Clean(n.Facts[k])})
		}
	}
	return out
}

func figures(m map[string]float64) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s = %.4g\n", k, m[k])
	}
	return b.String()
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// Clean makes text of a console fit for a report: colours and other control characters are left out, what is no UTF-8 is marked.
func Clean(text string) string {
	text = strings.ToValidUTF8(ansi.ReplaceAllString(text, ""), "\uFFFD")
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 || c == 0xFFFE || c == 0xFFFF {
			return -1
		}
		return c
	}, text)
}
