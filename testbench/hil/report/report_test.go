package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"packhorse/testbench/hil"
)

// nasty is what a console may say.
const nasty = "<script>alert(1)</script> ]]> & \"'\x1b[31mred\x1b[0m\x00\x07\xff --> {{.Began}} \u2028 javascript:"

var began = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// full has something in every field.
func full() *Report {
	r := &Report{Version: "v1", Began: began, Rigs: []Rig{
		{Identity: hil.Identity{Kind: "simulated", Name: "sim", Facts: map[string]string{"commit": nasty}}, BeganS: 1, TookS: 40, Nodes: []Node{
			{Identity: hil.Identity{Kind: "simulated", Name: "a", Facts: map[string]string{"version": "v1"}}, Files: []string{"simulated/a/log.txt"}, Marks: []Mark{
				{Kind: Power, FromS: 1, ToS: 20}, {Kind: Boot, FromS: 1, ToS: 2, Text: nasty}, {Kind: Frames, FromS: 3, ToS: 4, Sent: 7}, {Kind: Test, FromS: 2, ToS: 9, Text: "text", Failed: true}}},
			{Identity: hil.Identity{Kind: "simulated", Name: "b"}}}},
		{Identity: hil.Identity{Kind: "real"}, Skipped: "no bench file: set PACKHORSE_BENCH_FILE"}},
		Cases: []Case{
			{Rig: "simulated", Suite: "road", Name: "pair", Outcome: Passed, FromS: 2, TookS: 3.5, Figures: map[string]float64{"pair_s": 3.4}},
			{Rig: "simulated", Suite: "road", Name: "text a to b", Outcome: Failed, Reason: nasty, Output: nasty, FromS: 6, TookS: 3},
			{Rig: "simulated", Suite: "crash", Name: "cut", Outcome: Skipped, Reason: "no power switch"},
			{Rig: "real", Suite: "road", Name: "pair", Outcome: Skipped, Reason: "no bench file: set PACKHORSE_BENCH_FILE"}}}
	r.Finish(began.Add(42*time.Second), "ntp")
	return r
}

func write(t *testing.T, f func(*Report, *bytes.Buffer) error, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f(r, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSummaryCountsAll(t *testing.T) {
	if got := full().Summary(); got != "1 passed, 1 failed, 2 skipped" {
		t.Errorf("got %q", got)
	}
}

func TestJUnitIsReadBack(t *testing.T) {
	b := write(t, func(r *Report, w *bytes.Buffer) error { return r.JUnit(w) }, full())
	var got junitSuites
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = true
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if got.Tests != 4 || got.Failures != 1 || got.Skipped != 2 || len(got.Suites) != 3 {
		t.Fatalf("%+v", got)
	}
	road := got.Suites[0]
	if road.Name != "simulated.road" || road.Tests != 2 || road.Failures != 1 || road.Time != "6.500" || road.Timestamp != "2026-11-22T10:00:02" || road.Properties[1].Name != "rig.commit" {
		t.Errorf("road: %+v", road)
	}
	if c := road.Cases[0]; c.Failure != nil || c.Skipped != nil || c.Name != "pair" || c.Class != "simulated.road" || c.Time != "3.500" || c.Output != "pair_s = 3.4\n" {
		t.Errorf("pair: %+v", c)
	}
	if c := road.Cases[1]; c.Failure == nil || !strings.Contains(c.Failure.Text, "<script>alert(1)</script> ]]> & \"'red") || strings.ContainsAny(c.Failure.Text, "\x00\x07\x1b") {
		t.Errorf("failure: %+v", c.Failure)
	}
	if c := got.Suites[2].Cases[0]; c.Skipped == nil || c.Skipped.Message != "no bench file: set PACKHORSE_BENCH_FILE" {
		t.Errorf("skipped: %+v", c)
	}
}

func TestJSONFollowsItsSchema(t *testing.T) {
	for name, r := range map[string]*Report{"full": full(), "empty": {Began: began}} {
		r.Finish(began, "")
		if err := validate(t, write(t, func(r *Report, w *bytes.Buffer) error { return r.JSON(w) }, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := full()
	bad.Cases[0].Outcome = "perhaps"
	if validate(t, write(t, func(r *Report, w *bytes.Buffer) error { return r.JSON(w) }, bad)) == nil {
		t.Error("the schema takes any outcome")
	}
}

// validate holds JSON against docs/schema; keys that it does not name are refused here.
func validate(t *testing.T, b []byte) error {
	t.Helper()
	text, err := os.ReadFile("../../../docs/schema/bench_report.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	shut(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func shut(v any) {
	if m, ok := v.(map[string]any); ok {
		for _, sub := range m {
			shut(sub)
		}
		if m["properties"] != nil && m["type"] == "object" {
			m["additionalProperties"] = false
		}
	}
}

func TestHTMLIsOneFileWithoutScriptOrStrangers(t *testing.T) {
	b := write(t, func(r *Report, w *bytes.Buffer) error { return r.HTML(w) }, full())
	root, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		for _, a := range n.Attr {
			if (a.Key == "href" || a.Key == "src") && a.Val != "simulated/a/log.txt" || strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "//") {
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	if count["script"]+count["link"]+count["img"]+count["iframe"] > 0 || strings.Contains(string(b), "http") {
		t.Errorf("the page has %v", count)
	}
	if count["svg"] != 1 || count["rect"] != 4 || count["tr"] < 7 {
		t.Errorf("the page lacks something: %v", count)
	}
	if strings.Contains(string(b), "ZgotmplZ") || !strings.Contains(string(b), "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Errorf("what a console said is not shown as it is\n%s", b)
	}
}

func TestTheTimeLineFitsItsFrame(t *testing.T) {
	rig := full().Rigs[0]
	rig.Nodes[0].Marks = append(rig.Nodes[0].Marks, Mark{Kind: Power, FromS: -5, ToS: 1e6})
	c := draw(rig)
	for _, b := range c.Bars {
		if b.X < leftMargin || b.X+b.Width > chartWidth || b.Y < 0 || b.Y+b.Height > c.AxisY || b.Height < 1 {
			t.Errorf("%+v lies outside of %dx%d", b, c.Width, c.Height)
		}
	}
	if c.Bars[3].Class != "failed" || c.Bars[2].Class != Frames {
		t.Errorf("bars %+v", c.Bars)
	}
	for span, want := range map[float64]float64{1: 1, 12: 1, 13: 2, 50: 5, 100: 10, 1e6: 100000} {
		if got := tickStep(span); got != want {
			t.Errorf("%g s: a tick each %g s, want %g", span, got, want)
		}
	}
}
