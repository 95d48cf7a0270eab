package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// table prints as Markdown that a terminal shows well.
type table struct {
	title string
	head  []string
	rows  [][]string
	notes []string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) {
	width := make([]int, len(t.head))
	for _, r := range append([][]string{t.head}, t.rows...) {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	line := func(cells []string) {
		for i, c := range cells {
			fmt.Fprintf(w, "| %s%s ", c, strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)))
		}
		fmt.Fprintln(w, "|")
	}
	fmt.Fprintf(w, "\n%s\n\n", t.title)
	line(t.head)
	fmt.Fprintln(w, strings.Repeat("| --- ", len(t.head))+"|")
	for _, r := range t.rows {
		line(r)
	}
	for _, n := range t.notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
}

// median of a figure over the rounds.
func median(rs []result, f func(result) float64) float64 {
	v := make([]float64, len(rs))
	for i, r := range rs {
		v[i] = f(r)
	}
	return middle(v)
}

func middle(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// perSecond is the median rate, as a cell.
func perSecond(rs []result) string { return fmt.Sprintf("%.0f", median(rs, result.rate)) }

// mib is the median peak of resident memory, as a cell.
func mib(rs []result, f func(result) int64) string {
	return fmt.Sprintf("%.0f MiB", median(rs, func(r result) float64 { return float64(f(r)) / 1024 }))
}

// spread is a median with the least and the greatest.
type spread struct{ low, mid, high float64 }

func (s spread) String() string { return fmt.Sprintf("%.2f (%.2f–%.2f)", s.mid, s.low, s.high) }

// ratio divides round by round, so that what slowed a round down slowed both.
func ratio(a, b []result) spread {
	v := make([]float64, len(a))
	for i := range a {
		v[i] = a[i].rate() / b[i].rate()
	}
	return spread{slices.Min(v), middle(v), slices.Max(v)}
}
