//go:build linux

package real

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// air is a `packhorse sim air`.
type air struct {
	*process
	dir   string
	args  []string
	lines *bufio.Scanner
	in    io.Writer
}

// newAir makes n radios that all hear each other and lose nothing yet.
func newAir(t *testing.T, dir string, n int, seed uint64) *air {
	t.Helper()
	a := &air{process: newProcess(t, "air", dir), dir: filepath.Join(dir, "radios")}
	a.args = []string{"sim", "air", "--json", "--dir", a.dir, "--number", strconv.Itoa(n), "--seed", fmt.Sprint(seed)}
	a.begin()
	return a
}

// begin starts it and waits until the ports are there.
func (a *air) begin() {
	a.t.Helper()
	out, in := a.start(a.args...)
	a.lines, a.in = bufio.NewScanner(out), in
	var ports struct{ Schema string }
	a.answer(&ports)
	if ports.Schema != "packhorse.sim_air/1" {
		a.t.Fatalf("sim air began with schema %q", ports.Schema)
	}
}

func (a *air) port(i int) string { return filepath.Join(a.dir, "rnode"+strconv.Itoa(i)) }

func (a *air) answer(v any) {
	a.t.Helper()
	if !a.lines.Scan() {
		a.t.Fatalf("sim air has gone: %v\n%s", a.lines.Err(), a.lastLines(10))
	}
	if err := json.Unmarshal(a.lines.Bytes(), v); err != nil {
		a.t.Fatalf("sim air said %q: %v", a.lines.Text(), err)
	}
}

// tell gives a command and waits until it is done: commands are done in turn, and the
// counters asked for behind it come after it.
func (a *air) tell(command string) {
	a.t.Helper()
	if _, err := fmt.Fprintln(a.in, command); err != nil {
		a.t.Fatal(err)
	}
	a.airtime()
}

// airtime is that of all radios together so far.
func (a *air) airtime() time.Duration { a.t.Helper(); return a.spent().airtime }

// use is what all radios together have done.
type use struct {
	airtime              time.Duration
	sent, lost, collided int // frames; the latter two once for each radio that missed one
}

func (u use) minus(v use) use {
	return use{u.airtime - v.airtime, u.sent - v.sent, u.lost - v.lost, u.collided - v.collided}
}

func (u use) String() string {
	return fmt.Sprintf("airtime %.1f s in %d frames (%d lost, %d collided)", u.airtime.Seconds(), u.sent, u.lost, u.collided)
}

// spent is the use so far.
func (a *air) spent() (u use) {
	a.t.Helper()
	if _, err := fmt.Fprintln(a.in, "stats"); err != nil {
		a.t.Fatal(err)
	}
	var stats struct {
		Radios []struct {
			AirtimeS float64 `json:"airtime_s"`
			Sent     int     `json:"frames_sent"`
			Lost     int     `json:"frames_lost"`
			Collided int     `json:"frames_collided"`
		}
	}
	a.answer(&stats)
	for _, r := range stats.Radios {
		u.airtime += time.Duration(r.AirtimeS * float64(time.Second))
		u.sent, u.lost, u.collided = u.sent+r.Sent, u.lost+r.Lost, u.collided+r.Collided
	}
	return u
}
