package sim

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A driver that is proven in the field breaks none of the rules, and the chip answers it with its interrupts.
func TestSX126xRecordedDriver(t *testing.T) {
	file, err := os.ReadFile("testdata/radiolib-sx1262.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(file)), "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
	for pair := range slices.Chunk(lines, 2) {
		board := strings.Fields(pair[0])
		o := SX126xOpts{DIO2Switch: slices.Contains(board, "dio2")}
		if slices.Contains(board, "tcxo") {
			o.TCXOVolts = 1.6
		}
		o.TxEnable = slices.Contains(board, "pins")
		o.RxEnable = o.TxEnable
		h := newBench126(t, o).hosts[0]
		for i, step := range strings.Fields(pair[1]) {
			if !h.replay(step) {
				t.Errorf("%s: step %d: DIO1 does not rise", board[0], i)
			}
		}
		for _, v := range h.c.violations {
			t.Errorf("%s: %s", board[0], v)
		}
	}
	if len(lines) < 30 {
		t.Errorf("%d lines of recordings", len(lines))
	}
}

// replay does one step of a recording; false: the chip should have raised DIO1.
func (h *host126) replay(step string) bool {
	h.b.t.Helper()
	wire, level, isLine := strings.Cut(step, "=")
	switch {
	case step == "DIO1=1":
		return h.awaitDIO1(10 * time.Second)
	case isLine:
		h.c.input(h.b.now, map[string]line{"RST": lineReset, "TXEN": lineTxEnable, "RXEN": lineRxEnable}[wire], level == "1")
	case step[0] == '+':
		d, err := time.ParseDuration(step[1:])
		if err != nil {
			h.b.t.Fatal(err)
		}
		h.b.pass(d)
	default:
		out, err := hex.DecodeString(strings.TrimSuffix(step, "!"))
		if err != nil {
			h.b.t.Fatal(err)
		}
		if !strings.HasSuffix(step, "!") {
			h.ready()
		}
		h.raw(out...)
		h.b.pass(200 * time.Microsecond) // the host's own time between two transactions
	}
	return true
}
