package report

import "fmt"

// Measures of the time line, in SVG user units.
const (
	chartWidth = 960
	leftMargin = 80
	rowHeight  = 46
	axisHeight = 26
	laneHeight = 10
)

// chart is the time line of a rig: a row for each node.
type chart struct {
	Width, Height int
	AxisY, TextY  int // end of the tick lines, and where their text stands
	Rows          []row
	Bars          []bar
	Ticks         []tick
}

type row struct {
	Name   string
	Y, Mid int
}

// bar is a mark on the drawing. Class chooses its colour, Title is what a pointer on it shows.
type bar struct {
	X, Width  float64
	Y, Height int
	Class     string
	Title     string
}

type tick struct {
	X    float64
	Text string
}

// lane is where a kind of mark lies within its row; height is that of the bar.
var lanes = map[string]struct{ y, height int }{
	Power: {24, laneHeight}, Boot: {24, laneHeight}, Frames: {12, laneHeight}, Test: {0, laneHeight},
}

// draw lays out a rig's time line from its first to its last second.
func draw(r Rig) chart {
	c := chart{Width: chartWidth, Height: axisHeight + rowHeight*len(r.Nodes), AxisY: rowHeight * len(r.Nodes), TextY: rowHeight*len(r.Nodes) + 18}
	span := max(r.TookS, 1)
	x := func(s float64) float64 {
		return leftMargin + min(max(s-r.BeganS, 0), span)/span*(chartWidth-leftMargin-10)
	}
	for i, n := range r.Nodes {
		y := i * rowHeight
		c.Rows = append(c.Rows, row{Clean(n.Name), y, y + rowHeight/2})
		most := mostFrames(n.Marks)
		for _, m := range n.Marks {
			c.Bars = append(c.Bars, place(m, y, most, x))
		}
	}
	step := tickStep(span)
	for s := 0.0; s <= span; s += step {
		c.Ticks = append(c.Ticks, tick{x(r.BeganS + s), fmt.Sprintf("%g s", s)})
	}
	return c
}

func place(m Mark, y int, most float64, x func(float64) float64) bar {
	l := lanes[m.Kind]
	b := bar{X: x(m.FromS), Y: y + 6 + l.y, Height: l.height, Class: m.Kind, Title: title(m)}
	b.Width = max(x(m.ToS)-b.X, 1)
	if m.Kind == Frames {
		// As high as there were frames a second.
		b.Height = max(1, int(float64(l.height)*rate(m)/most+0.5))
		b.Y += l.height - b.Height
	}
	if m.Failed {
		b.Class = "failed"
	}
	return b
}

func title(m Mark) string {
	text := Clean(m.Text)
	if m.Kind == Frames {
		text = fmt.Sprintf("%d frames sent", m.Sent)
	}
	return fmt.Sprintf("%s: %s, %.1f to %.1f s", m.Kind, text, m.FromS, m.ToS)
}

// rate is frames a second; a moment with one frame is no second full of them.
func rate(m Mark) float64 { return float64(m.Sent) / max(m.ToS-m.FromS, 1) }

func mostFrames(marks []Mark) float64 {
	most := 1e-9
	for _, m := range marks {
		if m.Kind == Frames {
			most = max(most, rate(m))
		}
	}
	return most
}

// tickStep is 1, 2 or 5 times a power of ten, so that there are about ten ticks.
func tickStep(span float64) float64 {
	step := 1.0
	for {
		for _, f := range []float64{1, 2, 5} {
			if span/(step*f) <= 12 {
				return step * f
			}
		}
		step *= 10
	}
}
