package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"packhorse/gateway/admin"
)

// hop is one parcel's way from one gateway to the next, as the sending one sees it.
type hop struct {
	from, to    string
	size        int // octets of the parcel
	done, total int // symbols
	began, last time.Time
	over        bool // the next gateway has it on disk
}

// see takes what the sending gateway says of the parcel.
func (h *hop) see(p admin.Parcel, now time.Time) {
	if p.Total > 0 && p.Next == h.to {
		if h.began.IsZero() {
			h.began = now
		}
		h.done, h.total, h.last = p.Done, p.Total, now
	}
	if p.State == admin.Carried || p.State == admin.Delivered {
		h.finish(now)
	}
}

func (h *hop) finish(now time.Time) {
	if h.over {
		return
	}
	if h.began.IsZero() {
		h.began = now
	}
	h.over, h.last = true, now
}

// line is the hop in words: bar, share, rate and what is left of the time.
func (h *hop) line(now time.Time) string {
	head := fmt.Sprintf("  %s > %s  ", h.from, h.to)
	switch {
	case h.over:
		return head + fmt.Sprintf("%s 100 %%  on disk at %s after %s%s", bar(1, 1), h.to, span(h.last.Sub(h.began)), h.rate(h.last, 1, 1))
	case h.total == 0:
		return head + bar(0, 1) + "   0 %  waiting"
	}
	return head + fmt.Sprintf("%s %3d %%%s%s", bar(h.done, h.total), 100*h.done/h.total, h.rate(now, h.done, h.total), h.eta(now))
}

// barWidth is how many characters a full bar has.
const barWidth = 24

func bar(done, total int) string {
	n := barWidth * done / total
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", barWidth-n) + "]"
}

func (h *hop) rate(now time.Time, done, total int) string {
	took := now.Sub(h.began).Seconds()
	if took < 0.1 {
		return ""
	}
	return fmt.Sprintf("  %.0f B/s", float64(h.size)*float64(done)/float64(total)/took)
}

func (h *hop) eta(now time.Time) string {
	if h.done == 0 {
		return ""
	}
	left := time.Duration(float64(now.Sub(h.began)) * float64(h.total-h.done) / float64(h.done))
	return "  ETA " + span(left)
}

// hops shows several of them: rewritten in place on a terminal, else one line each time
// a hop has moved on by a tenth.
type hops struct {
	w      io.Writer
	fancy  bool
	all    []*hop
	tenths []int
	drawn  bool
}

func (s *hops) draw(now time.Time) {
	if s.fancy {
		if s.drawn {
			fmt.Fprintf(s.w, "\x1b[%dA", len(s.all))
		}
		for _, h := range s.all {
			fmt.Fprintf(s.w, "\x1b[2K%s\n", h.line(now))
		}
		s.drawn = true
		return
	}
	if s.tenths == nil {
		s.tenths = make([]int, len(s.all))
	}
	for i, h := range s.all {
		tenth := 0
		if h.over {
			tenth = 11
		} else if h.total > 0 {
			tenth = 10 * h.done / h.total
		}
		if tenth > s.tenths[i] {
			s.tenths[i] = tenth
			fmt.Fprintln(s.w, h.line(now))
		}
	}
}
