package reference

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio/chip"
	"packhorse/radio/phy"
)

// driver is what both of our drivers can besides what a radio needs.
type driver interface {
	chip.Driver
	SetWave(phy.Wave) error
	Sleep() error
	ReceiveFor(time.Duration) error
}

// model is a chip that a driver talks to.
type model interface {
	sent()             // ends a transmission
	scanned(busy bool) // ends a channel activity detection
	expired()          // ends a reception without a packet
	inject(packet)
	setLevel(byte)
	// differ says how the n-th start differs from the recorded one.
	differ(t *testing.T, n int, want state, p params) []string
	count() int
}

// replayer brings one driver through the steps of one run.
type replayer struct {
	t     *testing.T
	run   run
	model model
	open  func() (driver, error) // with the properties of the board in run.Params
	d     driver
	p     params
	wave  phy.Wave
	next  int // of run.Results
	// patience is the time limit of a reception in which nothing comes.
	patience time.Duration
	leastSF  uint8
}

// replay does all steps, and compares each start and each result.
func (r *replayer) replay() {
	r.p = r.run.Params
	for i, step := range r.run.Steps {
		if !r.step(step, r.run.Steps[i+1:]) {
			return
		}
	}
	if got := r.model.count(); got != len(r.run.States) {
		r.t.Errorf("%d starts, recorded %d", got, len(r.run.States))
	}
	p := r.run.Params
	for i, want := range r.run.States[:min(len(r.run.States), r.model.count())] {
		for _, d := range r.model.differ(r.t, i, want, p) {
			r.t.Errorf("start %d: %s", i, d)
		}
	}
}

// result is the recorded outcome of the next call.
func (r *replayer) result() result {
	r.next++
	return r.run.Results[r.next-1]
}

func (r *replayer) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// step does one step; false ends the run.
func (r *replayer) step(step string, rest []string) bool {
	r.t.Helper()
	length, transmits := number(step, "transmit len=")
	implicit, fixed := number(step, "implicit header len=")
	switch {
	case step == "begin":
		return r.begin()
	case transmits:
		r.transmit(length)
	case fixed:
		r.wave.Implicit, r.wave.Length = true, byte(implicit)
		r.must(r.d.SetWave(r.wave))
	case strings.HasPrefix(step, "set "), strings.HasPrefix(step, "standby, set "):
		r.must(r.d.Standby())
		r.p = r.p.change(r.t, step)
		r.configure()
	case strings.HasPrefix(step, "begin again"):
		r.result()
		r.p.FreqMHz = 433.175
		r.must(r.d.Reset(context.Background()))
		r.configure()
	case step == "start continuous receive":
		r.result()
		r.must(r.d.Receive())
	case step == "inject":
		r.model.inject(*r.run.Results[r.next].Inject)
	case strings.HasPrefix(step, "read packet"):
		r.read(r.result())
	case step == "start channel scan":
		r.must(r.d.Detect())
	case step == "read result":
		r.scan(r.result())
	case strings.HasPrefix(step, "blocking receive"):
		r.expire(r.result())
	case strings.HasPrefix(step, "sleep"):
		r.result()
		r.must(r.d.Sleep())
	case step == "invert IQ", step == "IQ normal":
		r.wave.Inverted = step == "invert IQ"
		r.must(r.d.SetWave(r.wave))
	case step == "instantaneous RSSI":
		r.level(r.result())
	case step == "standby":
		if r.next < len(r.run.Results) {
			r.result()
		}
		r.must(r.d.Standby())
	case step == "clear IRQ flags":
		r.must(r.d.Standby())
	case step == "analog front end reset":
		r.result()
	case step == "extra config", step == "LNA gain step", strings.HasPrefix(step, "standby on XOSC"), strings.HasPrefix(step, "Rx boosted gain"):
		// A property of the board, or listed in deviations.
	default:
		r.t.Fatalf("step %q is not known (then %q)", step, rest)
	}
	return true
}

// begin opens the driver. A run whose chip does not answer ends here.
func (r *replayer) begin() bool {
	r.t.Helper()
	want := r.result()
	var err error
	r.d, err = r.open()
	r.must(err)
	err = r.d.Reset(context.Background())
	if want.Code != 0 {
		if err == nil {
			r.t.Errorf("a chip was found, recorded code %d", want.Code)
		}
		return false
	}
	r.must(err)
	r.configure()
	return true
}

func (r *replayer) configure() {
	r.t.Helper()
	r.wave = r.p.wave()
	m := r.wave.Modulation
	m.SpreadingFactor = max(m.SpreadingFactor, r.leastSF) // what is below needs packets without a header
	r.must(r.d.Configure(m, r.p.PowerDBm))
	if r.wave.SpreadingFactor < r.leastSF {
		return
	}
	r.must(r.d.SetWave(r.wave))
}

func (r *replayer) transmit(n int) {
	r.t.Helper()
	want := r.result()
	r.must(r.d.Standby())
	r.must(r.d.Transmit(payload(n)))
	if want.Code != 0 { // nothing comes of it
		if ev, err := r.d.Events(); err != nil || ev.Sent {
			r.t.Errorf("sent: %v, %v; nothing was", ev.Sent, err)
		}
		r.must(r.d.Standby())
		return
	}
	r.model.sent()
	if ev, err := r.d.Events(); err != nil || !ev.Sent {
		r.t.Errorf("sent: %v, %v", ev.Sent, err)
	}
}

func (r *replayer) scan(want result) {
	r.t.Helper()
	busy := want.Result == -14 || want.Result == -702
	r.model.scanned(busy)
	if ev, err := r.d.Events(); err != nil || !ev.DetectOK || ev.Detected != busy {
		r.t.Errorf("scan: %+v, %v; recorded busy: %v", ev, err, busy)
	}
}

func (r *replayer) expire(want result) {
	r.t.Helper()
	r.must(r.d.ReceiveFor(r.patience))
	r.model.expired()
	if ev, err := r.d.Events(); err != nil || !ev.TimedOut || want.Code != -6 {
		r.t.Errorf("reception without a packet: %+v, %v; recorded code %d", ev, err, want.Code)
	}
}

func (r *replayer) level(want result) {
	r.t.Helper()
	r.model.setLevel(byte(want.Reg))
	if got, err := r.d.Level(); err != nil || math.Abs(got-want.DBm) > 0.5 {
		r.t.Errorf("level %v, %v; recorded %v", got, err, want.DBm)
	}
}

// read compares a reception. A recorded packet without checksum counts as damaged here where one was wanted.
func (r *replayer) read(want result) {
	r.t.Helper()
	ev, err := r.d.Events()
	if err != nil {
		r.t.Fatal(err)
	}
	if want.Code != 0 || !want.Inject.CRC && r.p.CRC {
		if !ev.Damaged || ev.Received != nil {
			r.t.Errorf("got %+v, want a damaged packet (recorded code %d)", ev, want.Code)
		}
		return
	}
	if ev.Received == nil {
		r.t.Fatalf("got %+v, want a packet of %d octets", ev, want.Length)
	}
	if got, rec := string(ev.Received.Data), string(unhex(r.t, want.Data)); got != rec {
		r.t.Errorf("got %x, recorded %x", got, rec)
	}
	if ev.Received.SNRdB != want.SNRdB {
		r.t.Errorf("SNR %v dB, recorded %v", ev.Received.SNRdB, want.SNRdB)
	}
	r.rssi(ev.Received.RSSIdBm, want)
}

// rssi allows for what the sources of the formulas for the SX127x differ by: a fifteenth of the raw value.
func (r *replayer) rssi(got float64, want result) {
	r.t.Helper()
	if want.Inject.SignalRSSI != 0 { // an SX126x, which tells it too
		if got != want.RSSIdBm {
			r.t.Errorf("RSSI %v dBm, recorded %v", got, want.RSSIdBm)
		}
		return
	}
	recorded := want.RSSIdBm
	if f := r.p.FreqMHz; f > 525 && f < 868 {
		recorded += 7 // the recorded driver takes the port of the low band here
	}
	if d := got - recorded; d < -0.5 || d > float64(want.Inject.RSSI)/15+0.5 {
		r.t.Errorf("RSSI %v dBm, recorded %v", got, recorded)
	}
}

// inVirtualTime runs a test where waiting takes no time.
func inVirtualTime(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}
