package storetrial

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"packhorse/store"
)

func say(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// kinds and keys are few, so that values are replaced and deleted all the time.
const (
	kinds store.Kind = 4
	keys             = 60
)

// draw makes up what a trial does next.
type draw struct {
	*rand.Rand
	numbers uint64 // of the values so far
	owner   string // begins every key
}

func newDraw(seed, stream uint64) *draw { return &draw{Rand: rand.New(rand.NewPCG(seed, stream))} }

func (d *draw) name() name {
	n := name{store.Kind(d.IntN(int(kinds))), ""}
	switch i := d.IntN(keys); i {
	case 0:
		n.key = d.owner
	case 1:
		n.key = d.owner + strings.Repeat("\xff", store.MaxKey-len(d.owner))
	case 2:
		n.key = d.owner + "\x00"
	default:
		n.key = say("%s%d", d.owner, i)
	}
	return n
}

// edges are sizes about which a store may be one off.
var edges = []int{0, 1, 65535, 65536, 65537, 131072, 131073}

// size is small mostly, and 200 KiB now and then: about 700 octets in the mean.
func (d *draw) size() int {
	switch i := d.IntN(1000); {
	case i < 940:
		return d.IntN(300)
	case i < 993:
		return d.IntN(4000)
	case i < 996:
		return d.IntN(70_000)
	case i < 999:
		return edges[d.IntN(len(edges))]
	}
	return d.IntN(300_000)
}

// batch is one change, or up to eight.
func (d *draw) batch() []change {
	changes := make([]change, 1)
	if d.IntN(4) == 0 {
		changes = make([]change, 1+d.IntN(8))
	}
	for i := range changes {
		changes[i] = change{name: d.name(), delete: d.IntN(3) == 0}
		if !changes[i].delete {
			d.numbers++
			changes[i].held = held{d.numbers, d.size()}
		}
	}
	return changes
}
