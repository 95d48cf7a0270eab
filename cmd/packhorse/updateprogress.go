package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"packhorse/board/update"
)

// updateProgress shows how far an update is: a bar on a terminal, else a line each tenth. The second result ends it.
func (a *app) updateProgress() (update.Progress, func()) {
	p := &stepProgress{a: a, fancy: terminal(a.err)}
	if a.json {
		return nil, func() {}
	}
	return p.show, p.close
}

type stepProgress struct {
	a     *app
	fancy bool
	bar   *progressbar.ProgressBar
	step  update.Step
	from  time.Time
	tenth int64
}

func (p *stepProgress) show(s update.Step, done, total int64) {
	if s != p.step {
		p.close()
		p.step, p.from, p.tenth = s, time.Now(), 0
	}
	if p.fancy {
		p.draw(done, total)
		return
	}
	if t := 10 * done / max(total, 1); t > p.tenth {
		p.tenth = t
		p.a.hint("%s", stepLine(s, done, total, time.Since(p.from)))
	}
}

func (p *stepProgress) draw(done, total int64) {
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.a.err), progressbar.OptionSetDescription(string(p.step)),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: ".", BarStart: "[", BarEnd: "]"}),
			progressbar.OptionSetWidth(30), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	p.bar.Set64(done)
}

func (p *stepProgress) close() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}

// stepLine says how far a step is, how fast it goes and how long it will take.
func stepLine(s update.Step, done, total int64, took time.Duration) string {
	line := fmt.Sprintf("%s: %d %% of %s", s, 100*done/max(total, 1), size(total))
	if took < time.Second || done == 0 {
		return line // too early to tell
	}
	rate := float64(done) / took.Seconds()
	return fmt.Sprintf("%s, %s/s, %s left", line, size(int64(rate)), span(seconds(float64(total-done)/rate)))
}
