package lab

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxStations keeps one machine able to run them in real time.
const MaxStations = 32

// Link joins two stations that hear each other; A is less than B.
type Link struct{ A, B int }

// ParseLinks reads who hears whom among n stations: "all", "line" (each its
// neighbours in number), or pairs such as "0-1,1-2".
func ParseLinks(text string, n int) (map[Link]bool, error) {
	links := map[Link]bool{}
	switch text {
	case "all":
		for b := range n {
			for a := range b {
				links[Link{a, b}] = true
			}
		}
	case "line":
		for b := 1; b < n; b++ {
			links[Link{b - 1, b}] = true
		}
	default:
		for _, pair := range strings.Split(text, ",") {
			l, err := ParseLink(pair)
			if err != nil {
				return nil, err
			}
			if l.B >= n {
				return nil, fmt.Errorf("link %s: radios are numbered 0 to %d", pair, n-1)
			}
			links[l] = true
		}
	}
	return links, nil
}

// ParseLink reads one pair such as 0-1.
func ParseLink(pair string) (Link, error) {
	x, y, ok := strings.Cut(strings.TrimSpace(pair), "-")
	a, err1 := strconv.Atoi(x)
	b, err2 := strconv.Atoi(y)
	if !ok || err1 != nil || err2 != nil || a == b || a < 0 || b < 0 {
		return Link{}, fmt.Errorf("%q is no link: write all, line, or pairs such as 0-1,1-2", pair)
	}
	return Link{min(a, b), max(a, b)}, nil
}
