package reference

import (
	"testing"
	"time"

	"packhorse/radio/chip"
	"packhorse/radio/sx127x"
)

func (m *model1276) differ(t *testing.T, n int, want state, p params) []string {
	t.Helper()
	diff := m.starts[n].compare(t, want, load[map[string]masks](t, "compare.json")["sx1276"], p)
	return append(diff, m.starts[n].missing(t, want)...)
}

// TestSX1276 brings our driver through the 38 recorded runs.
func TestSX1276(t *testing.T) {
	rec := load[recording](t, "sx1276.json")
	if len(rec.Runs) != 38 {
		t.Fatalf("%d runs", len(rec.Runs))
	}
	for _, r := range rec.Runs {
		inVirtualTime(t, r.Name, func(t *testing.T) {
			m := newModel1276(0x12)
			if r.Scenario == "wrong-version" {
				m.version = 0x55
				m.reset()
			}
			m.absent = r.Scenario == "no-chip"
			rp := &replayer{t: t, run: r, model: m, leastSF: 7, patience: longest, open: func() (driver, error) { return open1276(m, r) }}
			rp.replay()
		})
	}
}

// longest reception in RXSINGLE: 1023 symbols at SF12 and 7.8 kHz take 537 s.
const longest = 10 * time.Minute

func open1276(m *model1276, r run) (driver, error) {
	p, gain := r.Params, 0
	if r.Scenario == "agc-off-gain" {
		gain = 1
	}
	output := sx127x.PABoost
	if r.Scenario == "power-rfo" {
		output = sx127x.RFO
	}
	return sx127x.New(&port{transact: m.transact}, chip.Pins{Reset: m.resetLine(), IRQ: &line{name: "DIO0"}}, sx127x.Opts{
		Output: output, CurrentLimit: p.OCPmA, Gain: gain, NarrowIF: p.Errata,
	})
}
