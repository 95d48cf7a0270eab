package reference

import (
	"strings"
	"testing"
	"time"

	"packhorse/radio/chip"
	"packhorse/radio/sx126x"
)

// deviations1262 are where our driver differs on purpose, by scenario; "" is every one. Each names the registers and
// commands, and why.
var deviations1262 = map[string]struct {
	fields []string
	why    string
}{
	"sleep-cold-begin-tx":       {[]string{"08E7", "pa"}, "the recorded second start falls back to the library's defaults of current limit and amplifier; ours keeps those of the board"},
	"standby-xosc":              {nil, "we wait between commands on the RC oscillator, which takes less current; neither it nor the fallback is compared in any run"},
	"tcxo-set-on-crystal-board": {nil, "the recorded driver goes on without the TCXO; ours says that the board file is wrong, since a TCXO that dies looks just the same"},
}

// amplifier is what SetPaConfig and SetTxParams may say for a power: plain, or Semtech's optimised steps (SX1261/2 datasheet
// table 13-21).
var amplifier = map[int][]string{20: {"03050001 16"}, 17: {"02030001 16"}, 14: {"02020001 16"}}

func (m *model1262) differ(t *testing.T, n int, want state, p params) []string {
	t.Helper()
	dev := deviations1262[scenario(t)].fields
	diff := m.starts[n].compare(t, want, load[map[string]masks](t, "compare.json")["sx1262"], p, dev)
	return append(diff, m.starts[n].missing(want, dev)...)
}

// scenario is the first part of a run's name.
func scenario(t *testing.T) string {
	name := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]
	for s := range deviations1262 {
		if strings.HasPrefix(name, s) {
			return s
		}
	}
	return ""
}

// TestSX1262 brings our driver through the 41 recorded runs.
func TestSX1262(t *testing.T) {
	rec := load[recording](t, "sx1262.json")
	if len(rec.Runs) != 41 {
		t.Fatalf("%d runs", len(rec.Runs))
	}
	for _, r := range rec.Runs {
		inVirtualTime(t, r.Name, func(t *testing.T) {
			m := newModel1262(r.Params.BoardHasTCXO)
			m.absent, m.stuck = r.Scenario == "no-chip", r.Scenario == "busy-stuck"
			rp := &replayer{t: t, run: r, model: m, patience: 500 * time.Millisecond, open: func() (driver, error) { return open1262(m, r) }}
			if r.Scenario == "tcxo-set-on-crystal-board" {
				refusesTCXO(rp)
				return
			}
			rp.replay()
		})
	}
}

func open1262(m *model1262, r run) (driver, error) {
	p := r.Params
	pins := chip.Pins{Reset: m.resetLine(), Busy: m.busyLine(), IRQ: &line{name: "DIO1"}}
	if r.Scenario == "rf-switch-gpio" {
		pins.TxEnable, pins.RxEnable = m.switchLine("TXEN"), m.switchLine("RXEN")
	}
	return sx126x.New(&port{transact: m.transact}, pins, sx126x.Opts{
		TCXOMillivolts: int(p.TCXOVolts*1000 + 0.5), DIO2Switch: p.DIO2Switch, LDO: p.Regulator == "LDO", CurrentLimitMA: p.OCPmA,
		PowerSavingGain: !p.RxBoosted && r.Scenario != "rx-boost-retention" && r.Scenario != "reset-agc",
	})
}

// refusesTCXO: see deviations1262.
func refusesTCXO(r *replayer) {
	r.p = r.run.Params
	d, err := r.open()
	r.must(err)
	err = d.Reset(r.t.Context())
	if err == nil || !strings.Contains(err.Error(), "crystal") {
		r.t.Errorf("%v does not say that the board has a crystal", err)
	}
}
