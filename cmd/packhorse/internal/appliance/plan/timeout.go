package plan

import "time"

// PollTimeout is when Timeout is to be called next.
func (k *Keeper) PollTimeout() time.Time {
	next := k.nextDog
	for _, t := range k.deadlines() {
		if t.Before(next) {
			next = t
		}
	}
	return next
}

// deadlines are those that the phase and the trial have.
func (k *Keeper) deadlines() (all []time.Time) {
	if !k.prompted {
		all = append(all, k.begun.Add(PromptLimit))
	}
	if k.trial && k.ending == 0 {
		all = append(all, k.trialEnd())
		if !k.healthy.IsZero() && !k.committing {
			all = append(all, k.healthy.Add(TrialHealth))
		}
	}
	switch k.phase {
	case pausing:
		if k.ending == 0 {
			all = append(all, k.since.Add(k.pause))
		}
	case coming:
		all = append(all, k.since.Add(StartLimit))
	case ready:
		all = append(all, k.alive.Add(HangLimit))
		if k.asks() {
			all = append(all, k.nextAsk)
		}
	case dying:
		if k.kills < 3 {
			all = append(all, k.since.Add(k.patience()))
		}
	}
	return all
}

// asks tells whether the gateway's answers matter now.
func (k *Keeper) asks() bool { return !k.asked || k.trial }

// trialEnd is when a trial is over that did not go well.
func (k *Keeper) trialEnd() time.Time {
	if k.healthy.IsZero() {
		return k.begun.Add(TrialLimit)
	}
	return k.begun.Add(TrialLimit + TrialHealth + AskEvery)
}

// Timeout does what is due.
func (k *Keeper) Timeout(now time.Time) {
	if !k.prompted && !now.Before(k.begun.Add(PromptLimit)) {
		k.prompt()
	}
	switch k.phase {
	case pausing:
		if k.ending == 0 && !now.Before(k.since.Add(k.pause)) {
			k.pause = min(2*k.pause, LongestPause)
			k.start(now)
		}
	case coming:
		if !now.Before(k.since.Add(StartLimit)) {
			k.hang(now)
		}
	case ready:
		k.look(now)
	case dying:
		k.press(now)
	}
	k.judge(now)
	k.feed(now)
}

// look sees whether a gateway lives that said it was ready.
func (k *Keeper) look(now time.Time) {
	if !now.Before(k.alive.Add(HangLimit)) {
		k.hang(now)
		return
	}
	if k.asks() && !now.Before(k.nextAsk) {
		k.nextAsk = now.Add(AskEvery)
		k.do(Ask)
	}
}

// patience is how long a gateway that is to end may take for it.
func (k *Keeper) patience() time.Duration {
	switch {
	case k.kills == 0:
		return StopLimit
	case k.kills == 1:
		return KillAfter
	}
	return GoneAfter
}

// press kills a gateway that does not end. One that cannot be killed is left to the hardware, unless the box ends anyway.
func (k *Keeper) press(now time.Time) {
	if k.kills >= 3 || now.Before(k.since.Add(k.patience())) {
		return
	}
	k.since = now
	if k.kills < 2 {
		k.kills = 2
		k.do(Kill)
		return
	}
	k.kills = 3
	if k.ending != 0 {
		k.end()
	}
}

// judge ends a trial, well or not.
func (k *Keeper) judge(now time.Time) {
	switch {
	case !k.trial || k.ending != 0:
	case !k.healthy.IsZero() && !k.committing && !now.Before(k.healthy.Add(TrialHealth)):
		k.committing = true
		k.do(Commit)
	case !k.committing && !now.Before(k.trialEnd()):
		reason := "the gateway was not ready within " + TrialLimit.String()
		if k.said != "" {
			reason += ": " + k.said
		}
		k.giveUp(now, reason)
	}
}

// feed feeds the watchdog while somebody can still set things right: the gateway lives, has a bounded time to start or
// to end, or waits for a person.
func (k *Keeper) feed(now time.Time) {
	if now.Before(k.nextDog) {
		return
	}
	k.nextDog = now.Add(DogEvery)
	if k.phase != dying || k.kills < 3 {
		k.do(Feed)
	}
}
