package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"packhorse/cmd/packhorse/internal/notify"
)

// words names actions in the tables below.
var words = map[Do]string{Start: "start", Term: "term", Abort: "abort", Kill: "kill", Ask: "ask", Ready: "ready", Fail: "fail", Prompt: "prompt",
	Setup: "setup", Commit: "commit", GiveUp: "give up", End: "end"}

// play runs a script of "time event" lines, each with what the keeper does until the next, and compares. Meals of the
// watchdog are counted apart.
type play struct {
	k    *Keeper
	zero time.Time
	now  time.Time
	log  []string
	fed  []time.Duration
}

func newPlay(trial bool) *play {
	zero := time.Unix(1_800_000_000, 0)
	return &play{k: NewKeeper(zero, trial), zero: zero, now: zero}
}

// until lets time pass to a moment, and does what the keeper wants at each deadline.
func (p *play) until(t *testing.T, at time.Duration) {
	t.Helper()
	p.drain()
	for n := 0; !p.k.PollTimeout().After(p.zero.Add(at)); n++ {
		if n > 10_000 {
			t.Fatalf("the keeper's clock stands at %v: %v", p.now.Sub(p.zero), p.log)
		}
		p.now = p.k.PollTimeout()
		p.k.Timeout(p.now)
		p.drain()
	}
	p.now = p.zero.Add(at)
}

func (p *play) drain() {
	for {
		a, ok := p.k.Poll()
		if !ok {
			return
		}
		at := p.now.Sub(p.zero)
		if a.Do == Feed {
			p.fed = append(p.fed, at)
			continue
		}
		line := fmt.Sprintf("%v %s", at, words[a.Do])
		if a.Text != "" {
			line += " " + a.Text
		}
		if a.Ending != 0 {
			line += [...]string{"", " reboot", " trial", " poweroff"}[a.Ending]
		}
		p.log = append(p.log, line)
	}
}

// event is one line of a play.
type event struct {
	at time.Duration
	do func(k *Keeper, now time.Time)
}

func begin(k *Keeper, now time.Time)    { k.Begin(now) }
func isReady(k *Keeper, now time.Time)  { k.Notified(now, notify.Message{Ready: true}) }
func lives(k *Keeper, now time.Time)    { k.Notified(now, notify.Message{Watchdog: true}) }
func triggers(k *Keeper, now time.Time) { k.Notified(now, notify.Message{Trigger: true}) }
func answers(k *Keeper, now time.Time)  { k.Answered(now, true) }
func dumb(k *Keeper, now time.Time)     { k.Answered(now, false) }
func crash(k *Keeper, now time.Time)    { k.Exited(now, Exit{Code: 2}) }
func killed(k *Keeper, now time.Time)   { k.Exited(now, Exit{Code: -1, Signal: "SIGKILL"}) }
func refuses(k *Keeper, now time.Time)  { k.Exited(now, Exit{Code: 1, Text: "no disk"}) }
func ended(k *Keeper, now time.Time)    { k.Exited(now, Exit{}) }
func isEmpty(k *Keeper, now time.Time)  { k.Exited(now, Exit{Off: "the battery is empty"}) }
func unfit(k *Keeper, now time.Time)    { k.Unfit(now, "a mistake") }
func stop(e Ending) func(*Keeper, time.Time) {
	return func(k *Keeper, now time.Time) { k.Stop(now, e) }
}
func committed(err error) func(*Keeper, time.Time) {
	return func(k *Keeper, now time.Time) { k.Committed(now, err) }
}

// alive is a sign of life each 30 s.
func alive(from, to time.Duration) (out []event) {
	for at := from; at <= to; at += 30 * time.Second {
		out = append(out, event{at, lives})
	}
	return out
}

// answering is an answer each 5 s.
func answering(from, to time.Duration) (out []event) {
	for at := from; at <= to; at += AskEvery {
		out = append(out, event{at, answers})
	}
	return out
}

func join(all ...[]event) (out []event) {
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}

const s, m = time.Second, time.Minute

func TestPlays(t *testing.T) {
	for _, tc := range []struct {
		name   string
		trial  bool
		events []event
		end    time.Duration
		want   string
		fed    time.Duration // last meal
	}{
		{"a good start", false, join([]event{{0, begin}, {3 * s, isReady}, {3 * s, answers}}, alive(30*s, 10*m)), 10 * m,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup", 10 * m},
		{"one that answers late", false, join([]event{{0, begin}, {3 * s, isReady}, {4 * s, dumb}, {9 * s, answers}}, alive(30*s, m)), m,
			"0s start, 3s ask, 8s ask, 9s ready, 9s prompt, 9s setup", m},
		{"it ends at once, again and again", false, []event{{0, begin}, {1 * s, refuses}, {3 * s, refuses}, {6 * s, refuses}}, 10 * s,
			"0s start, 1s fail no disk, 1s prompt, 2s start, 5s start, 10s start", 0},
		{"a crash once", false, join([]event{{0, begin}, {3 * s, isReady}, {3 * s, answers}}, alive(30*s, 3*m), []event{{3*m + s, crash}, {3*m + 4*s, isReady}, {3*m + 4*s, answers}}), 4 * m,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 3m1s fail the gateway ended with exit code 2, 3m2s start, 3m4s ask, 3m4s ready", 4 * m},
		{"it hangs", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {65 * s, killed}}, 70 * s,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 1m3s abort, 1m5s fail the gateway hung and was ended, 1m6s start", m},
		{"it hangs and does not heed SIGABRT", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {75 * s, killed}}, 76 * s,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 1m3s abort, 1m13s kill, 1m15s fail the gateway hung and was ended, 1m16s start", 75 * s},
		{"the battery is empty", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {50 * s, isEmpty}}, m,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 50s fail the battery is empty, 50s end poweroff", m},
		{"it asks to be ended", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {9 * s, triggers}, {10 * s, crash}}, 10 * s,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 9s abort, 10s fail the gateway hung and was ended", 0},
		{"it cannot be killed", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}}, 10 * m,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 1m3s abort, 1m13s kill", 75 * s},
		{"never ready", false, []event{{0, begin}, {5*m + s, killed}}, 5*m + s,
			"0s start, 20s prompt, 5m0s abort, 5m1s fail the gateway hung and was ended", 5 * m},
		{"never ready for long", false, []event{{0, begin}, {5*m + s, killed}, {10*m + 3*s, killed}, {15*m + 6*s, killed}}, 16 * m,
			"0s start, 20s prompt, 5m0s abort, 5m1s fail the gateway hung and was ended, 5m2s start, 10m2s abort, " +
				"10m5s start, 15m5s abort, 15m6s end reboot", 0},
		{"a mistake in the configuration", false, []event{{0, unfit}}, 3 * time.Hour, "0s fail a mistake, 0s prompt", 3 * time.Hour},
		{"switched off", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {9 * s, stop(PowerOff)}, {10 * s, stop(Reboot)}, {12 * s, ended}}, 20 * s,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 9s term, 12s end poweroff", 0},
		{"switched off while it does not heed", false, []event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {9 * s, stop(Trial)}}, m,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 9s term, 29s kill, 39s end trial", 0},
		{"switched off between two", false, []event{{0, begin}, {1 * s, refuses}, {1500 * time.Millisecond, stop(Reboot)}}, m,
			"0s start, 1s fail no disk, 1s prompt, 1.5s end reboot", 0},
		{"a trial that goes well", true, join([]event{{0, begin}, {3 * s, isReady}}, answering(3*s, 23*s), []event{{23 * s, committed(nil)}}, alive(30*s, 3*m)), 3 * m,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 8s ask, 13s ask, 18s ask, 23s ask, 23s commit", 3 * m},
		{"a trial that cannot be kept", true, join([]event{{0, begin}, {3 * s, isReady}}, answering(3*s, 23*s), []event{{23 * s, committed(errors.New("full"))}, {24 * s, ended}}), 30 * s,
			"0s start, 3s ask, 3s ready, 3s prompt, 3s setup, 8s ask, 13s ask, 18s ask, 23s ask, 23s commit, 23s give up it could not be kept: full, 23s term, 24s end reboot", 0},
		{"a trial that is never ready", true, []event{{0, begin}, {121 * s, ended}}, 3 * m,
			"0s start, 20s prompt, 2m0s give up the gateway was not ready within 2m0s, 2m0s term, 2m1s end reboot", 0},
		{"a trial that ends at once", true, []event{{0, begin}, {1 * s, refuses}, {3 * s, isReady}, {3 * s, answers}, {4 * s, crash}}, 5 * s,
			"0s start, 1s fail no disk, 1s prompt, 2s start, 3s ask, 3s ready, 3s setup, 4s fail the gateway ended with exit code 2, " +
				"4s give up the gateway ended with exit code 2, 4s end reboot", 0},
		{"a trial that hangs after it was ready", true, join([]event{{0, begin}, {3 * s, isReady}, {3 * s, answers}, {8 * s, dumb}}, alive(30*s, 2*m), []event{{2*m + s, ended}}), 3 * m, "", 0},
		{"a trial that takes the configuration for wrong", true, []event{{0, unfit}}, m, "0s fail a mistake, 0s prompt, 0s give up a mistake, 0s end reboot", 0},
	} {
		p := newPlay(tc.trial)
		for _, e := range tc.events {
			p.until(t, e.at)
			e.do(p.k, p.now)
		}
		p.until(t, tc.end)
		got := strings.Join(p.log, ", ")
		if tc.want == "" && strings.Contains(got, "commit") || tc.want != "" && got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
		if last := p.fed[len(p.fed)-1]; tc.fed != 0 && last != tc.fed {
			t.Errorf("%s: fed last at %v, want %v", tc.name, last, tc.fed)
		}
	}
}
