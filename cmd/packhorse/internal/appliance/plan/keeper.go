// Package plan decides for the appliance's init: what is mounted and grown, when the gateway is started again, when the
// watchdog is fed, whether a system on trial is kept, and in which order everything ends. It only decides; the init does.
package plan

import (
	"fmt"
	"time"

	"packhorse/cmd/packhorse/internal/notify"
)

// How long things may take.
const (
	DogEvery     = 15 * time.Second // between two meals of the watchdog
	DogTimeout   = 60 * time.Second // how long the board lives without one
	HangLimit    = 60 * time.Second // between two signs of life of a gateway that is ready
	StartLimit   = 5 * time.Minute  // until a gateway is ready: a large store is read, keys are made
	KillAfter    = 10 * time.Second // from SIGABRT to SIGKILL
	GoneAfter    = 10 * time.Second // from SIGKILL to the moment when only the hardware helps
	StopLimit    = 20 * time.Second // from SIGTERM to SIGKILL
	FirstPause   = time.Second      // before the gateway is started again; doubles up to LongestPause
	LongestPause = time.Minute
	SteadyAfter  = 2 * time.Minute // a gateway that was ready so long begins anew with FirstPause
	RescueAfter  = 15 * time.Minute
	AskEvery     = 5 * time.Second
	TrialLimit   = 2 * time.Minute  // until a system on trial has a gateway that is ready and answers
	TrialHealth  = 20 * time.Second // for which it stays so
	PromptLimit  = 20 * time.Second // until a console takes commands, whatever the gateway does
)

// Do is what the init is to do.
type Do int

// The actions.
const (
	Start  Do = iota + 1 // start the gateway, then Started or Exited
	Term                 // SIGTERM to the gateway
	Abort                // SIGABRT: it hangs, and is to say where
	Kill                 // SIGKILL
	Feed                 // feed the watchdog
	Ask                  // ask the gateway's API for its status, then Answered
	Ready                // say that it is ready
	Fail                 // say Text: it is not, and why
	Prompt               // let the consoles take commands
	Setup                // run the setup of the first start
	Commit               // keep the system that is on trial, then Committed
	GiveUp               // note Text as the reason why the trial is given up
	End                  // take everything down, as Ending says
)

// Ending is how the box ends.
type Ending int

// The endings.
const (
	Reboot Ending = iota + 1
	Trial         // reboot into the other slot, once
	PowerOff
)

// Action is one thing to do.
type Action struct {
	Do     Do
	Text   string
	Ending Ending
}

// Exit is how a gateway ended.
type Exit struct {
	Code   int    // exit code; -1: by a signal, or it was never started
	Signal string // of the kernel or ours; empty: none
	Text   string // what it said last; may be empty
	Off    string // why it wants the board to be switched off; empty: it does not
}

// orderly tells that the program itself decided to end: restarting the board would not change its mind. A Go program that
// panics ends with 2, and so does packhorse after a mistake of a person's, which it names.
func (e Exit) orderly() bool { return e.Signal == "" && (e.Code != 2 || e.Text != "") }

func (e Exit) reason() string {
	switch {
	case e.Text != "":
		return e.Text
	case e.Signal != "":
		return "the gateway was ended by " + e.Signal
	}
	return fmt.Sprintf("the gateway ended with exit code %d", e.Code)
}

type phase int

const (
	none    phase = iota // there is no gateway, and none is to be
	pausing              // between two
	coming               // it was started and is not ready
	ready
	dying // it was told to end
)

// Keeper keeps the gateway, the watchdog and a trial. It has no clock: every method takes the time and never goes back
// in it. It is used by one goroutine.
type Keeper struct {
	phase   phase
	trial   bool
	ending  Ending
	actions []Action

	begun, since, alive time.Time // of the box; of the phase; last sign of life
	kills               int       // signals sent to a gateway that is dying
	pause               time.Duration
	starts              int
	hung                bool // it hung, and that is why it is dying
	lastReady           time.Time
	nextDog, nextAsk    time.Time
	healthy             time.Time // on trial: since when all is well; zero: it is not
	prompted, setUp     bool
	asked, committing   bool
	said                string // the last reason that was said
}

// NewKeeper begins. In a trial the system is to prove itself.
func NewKeeper(now time.Time, trial bool) *Keeper {
	return &Keeper{begun: now, since: now, lastReady: now, nextDog: now, trial: trial, pause: FirstPause}
}

func (k *Keeper) do(d Do) { k.actions = append(k.actions, Action{Do: d}) }

func (k *Keeper) enter(p phase, now time.Time) { k.phase, k.since = p, now }

// Poll is the next thing to do; false: nothing now.
func (k *Keeper) Poll() (Action, bool) {
	if len(k.actions) == 0 {
		return Action{}, false
	}
	a := k.actions[0]
	k.actions = k.actions[1:]
	return a, true
}

// Begin has the gateway started for the first time.
func (k *Keeper) Begin(now time.Time) { k.start(now) }

func (k *Keeper) start(now time.Time) {
	k.enter(coming, now)
	k.alive, k.kills, k.hung, k.asked = now, 0, false, false
	k.starts++
	k.do(Start)
}

// Unfit says that there cannot be a gateway before a person has done something: the configuration has a mistake, or the
// data partition cannot be used.
func (k *Keeper) Unfit(now time.Time, reason string) {
	k.enter(none, now)
	k.fail(reason)
	k.giveUp(now, reason)
}

// fail says a reason once.
func (k *Keeper) fail(reason string) {
	if k.said != reason {
		k.said = reason
		k.actions = append(k.actions, Action{Do: Fail, Text: reason})
	}
	k.prompt()
}

func (k *Keeper) prompt() {
	if !k.prompted {
		k.prompted = true
		k.do(Prompt)
	}
}

// giveUp ends a trial.
func (k *Keeper) giveUp(now time.Time, reason string) {
	if !k.trial || k.ending != 0 {
		return
	}
	k.actions = append(k.actions, Action{Do: GiveUp, Text: reason})
	k.Stop(now, Reboot)
}

// Notified takes what the gateway told its supervisor.
func (k *Keeper) Notified(now time.Time, m notify.Message) {
	if m.Watchdog || m.Ready || m.Reloading {
		k.alive = now
	}
	if m.Ready && k.phase == coming {
		k.enter(ready, now)
		k.lastReady, k.nextAsk = now, now
		k.Timeout(now)
	}
	if m.Trigger && (k.phase == ready || k.phase == coming) {
		k.hang(now)
	}
}

// Answered takes what became of Ask.
func (k *Keeper) Answered(now time.Time, ok bool) {
	if k.phase != ready || k.ending != 0 {
		return
	}
	if !k.asked && ok {
		k.asked, k.said = true, ""
		k.do(Ready)
		k.prompt()
		if !k.setUp {
			k.setUp = true
			k.do(Setup)
		}
	}
	switch {
	case !ok:
		k.healthy = time.Time{}
	case k.healthy.IsZero():
		k.healthy = now
	}
}

// Committed takes what became of Commit.
func (k *Keeper) Committed(now time.Time, err error) {
	k.committing = false
	if err != nil {
		k.giveUp(now, "it could not be kept: "+err.Error())
		return
	}
	k.trial = false
}

// Exited takes the end of the gateway.
func (k *Keeper) Exited(now time.Time, e Exit) {
	was := k.phase
	if was == ready && now.Sub(k.since) >= SteadyAfter {
		k.pause = FirstPause
	}
	k.healthy = time.Time{}
	k.enter(pausing, now)
	if k.ending != 0 {
		k.end()
		return
	}
	if e.Off != "" && !k.hung && e.orderly() {
		k.fail(e.Off)
		k.Stop(now, PowerOff)
		return
	}
	reason := e.reason()
	if k.hung {
		reason = "the gateway hung and was ended"
	}
	k.fail(reason)
	if was != coming {
		k.giveUp(now, reason)
	}
	if (k.hung || !e.orderly()) && now.Sub(k.lastReady) >= RescueAfter {
		k.Stop(now, Reboot)
	}
}

func (k *Keeper) hang(now time.Time) {
	k.hung, k.kills = true, 1
	k.enter(dying, now)
	k.do(Abort)
}

// Stop ends everything in order. The first ending counts.
func (k *Keeper) Stop(now time.Time, e Ending) {
	if k.ending != 0 {
		return
	}
	k.ending = e
	k.do(Feed)
	if k.phase == none || k.phase == pausing {
		k.end()
		return
	}
	k.enter(dying, now)
	k.kills = 0
	k.do(Term)
}

func (k *Keeper) end() {
	k.phase = none
	k.actions = append(k.actions, Action{Do: End, Ending: k.ending})
}

// State is a word for people: "starting", "ready", "waiting", "failed", "stopping", and a reason.
func (k *Keeper) State() (word, reason string) {
	switch {
	case k.ending != 0:
		return "stopping", ""
	case k.phase == ready:
		return "ready", ""
	case k.phase == none && k.said != "":
		return "failed", k.said
	case k.phase == pausing:
		return "waiting", k.said
	}
	return "starting", k.said
}

// Trial tells whether the system still has to prove itself.
func (k *Keeper) Trial() bool { return k.trial }

// Starts is how often the gateway was started.
func (k *Keeper) Starts() int { return k.starts }
