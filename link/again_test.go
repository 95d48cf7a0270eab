package link

import (
	"math"
	"testing"
)

// short is the lower tail of the binomial distribution.
func TestShortIsTheLowerTail(t *testing.T) {
	for _, v := range []struct {
		needed, sent int
		loss, want   float64
	}{
		{1, 1, .3, .3}, {2, 2, .3, .51}, {1, 2, .3, .09}, {2, 3, .3, .216}, {2, 1, .1, 1}, {0, 1, .1, 0},
	} {
		if got := short(v.needed, v.sent, v.loss); math.Abs(got-v.want) > 1e-9 {
			t.Errorf("short(%d, %d, %v) is %v, want %v", v.needed, v.sent, v.loss, got, v.want)
		}
	}
}

// The wanted symbols spread over as many frames as they need, evenly.
func TestRepairIsSpreadEvenly(t *testing.T) {
	for _, v := range [][3]int{{1, 4, 1}, {4, 4, 4}, {5, 4, 3}, {6, 4, 3}, {9, 4, 3}, {12, 4, 4}} {
		if got := even(v[0], v[1]); got != v[2] {
			t.Errorf("even(%d, %d) is %d, want %d", v[0], v[1], got, v[2])
		}
	}
}
