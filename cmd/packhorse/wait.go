package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"packhorse/gateway/admin"
)

// ranks orders the states of a parcel; only from carried to saved it may move back.
var ranks = map[admin.State]int{admin.Saved: 0, admin.Carried: 1, admin.Delivered: 2, admin.Expired: 3, admin.Refused: 3}

// askAgain is how often a waiting send asks besides listening to events.
const askAgain = 2 * time.Second

// send hands the parcel over and waits as far as --wait says.
func (a *app) send(ctx context.Context, b admin.Client, q admin.Send, s sending) error {
	p, err := b.Send(ctx, q)
	if err != nil {
		return err
	}
	if !a.json {
		a.say("%s", savedLine(p))
	}
	want := ranks[admin.State(s.wait)]
	if want > 0 {
		p, err = a.wait(ctx, b, p, want, s)
	}
	if ctx.Err() != nil && ranks[p.State] < want {
		a.hint("interrupted: %s to %s is %s and still queued; packhorse queue shows what it waits for", p.ID, cell(p.To), p.State)
	}
	if a.json {
		if e := lines(a.out, admin.ParcelReply{Head: a.head(admin.SchemaParcel), Parcel: p}); e != nil {
			return e
		}
	}
	return err
}

// savedLine is what a sender reads once the parcel is on disk.
func savedLine(p admin.Parcel) string {
	s := fmt.Sprintf("saved %s to %s, %s", p.ID, cell(p.To), size(int64(p.SizeBytes)))
	if p.AirtimeS > 0 {
		s += fmt.Sprintf(", about %s of our air", span(seconds(p.AirtimeS)))
	}
	return s + ", expires in " + span(time.Until(p.Expires).Round(time.Hour))
}

// wait follows a parcel until it has reached a state, has ended, or time is up.
func (a *app) wait(ctx context.Context, b admin.Client, p admin.Parcel, want int, s sending) (admin.Parcel, error) {
	inner, cancel := context.WithCancel(ctx)
	if s.timeout > 0 {
		inner, cancel = context.WithTimeout(ctx, s.timeout)
	}
	defer cancel()
	show := a.progress(s.quiet || a.json)
	defer show.close()
	from := time.Now()
	for next := range follow(inner, b, p.ID) {
		if next.State != p.State && ranks[next.State] >= ranks[p.State] {
			show.close()
			if !a.json {
				a.say("%s", stateLine(next, time.Since(from)))
			}
		}
		p = next
		if err := ended(p); err != nil {
			return p, err
		}
		if ranks[p.State] >= want {
			return p, nil
		}
		show.update(p)
	}
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	return p, notYet(p, s.wait)
}

func stateLine(p admin.Parcel, after time.Duration) string {
	line := fmt.Sprintf("%s %s to %s after %s", p.State, p.ID, cell(p.To), span(after))
	if p.State == admin.Carried && p.By != "" {
		line += ", by " + cell(p.By)
	}
	return line
}

// follow sends a parcel each time it changed, and every askAgain, until ctx ends. Events
// are only a hint to look: a gateway that restarts loses them, not the parcel.
func follow(ctx context.Context, b admin.Client, id string) <-chan admin.Parcel {
	out := make(chan admin.Parcel)
	go func() {
		defer close(out)
		events, _ := b.Events(ctx)
		t := time.NewTicker(askAgain)
		defer t.Stop()
		for ctx.Err() == nil {
			p, err := b.Parcel(ctx, id)
			if err == nil {
				select {
				case out <- p:
				case <-ctx.Done():
					return
				}
			}
			events = pause(ctx, b, events, t.C, id)
		}
	}()
	return out
}

// pause waits for an event about the parcel or the ticker. A stream that ended is
// opened anew at the next tick.
func pause(ctx context.Context, b admin.Client, events <-chan admin.Event, tick <-chan time.Time, id string) <-chan admin.Event {
	for {
		select {
		case <-ctx.Done():
			return events
		case <-tick:
			if events == nil {
				events, _ = b.Events(ctx)
			}
			return events
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			if e.Parcel != nil && e.Parcel.ID == id {
				return events
			}
		}
	}
}

// percent is how much of the current hop is done.
func percent(p admin.Parcel) string {
	if p.Total == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%d %%", 100*p.Done/p.Total)
}

// progress shows a transfer: a bar on a terminal, else a line each tenth.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar
	fancy bool
	quiet bool
	tenth int
	hop   string
	held  bool // it was said that it waits for the law
	full  bool // it was said that the next gateway has no room
}

func (a *app) progress(quiet bool) *progress {
	return &progress{w: a.err, fancy: terminal(a.err), quiet: quiet, tenth: -1}
}

func (p *progress) update(v admin.Parcel) {
	if p.quiet {
		return
	}
	if full := v.Why == "quota"; full != p.full {
		if p.full = full; full {
			p.close()
			fmt.Fprintf(p.w, "%s to %s: %s; it is offered again later\n", v.ID, cell(v.To), why(v))
		}
	}
	if held := v.LawS > 0 && v.Why == "budget"; held != p.held {
		if p.held = held; held {
			p.close()
			fmt.Fprintf(p.w, "%s to %s: waits for the law%s\n", v.ID, cell(v.To), arrival(v))
		}
	}
	if v.Total == 0 {
		return
	}
	if p.fancy {
		p.draw(v)
		return
	}
	if v.Next != p.hop {
		p.hop, p.tenth = v.Next, -1
	}
	if t := 10 * v.Done / v.Total; t > p.tenth {
		p.tenth = t
		fmt.Fprintf(p.w, "%s to %s: %s%s\n", v.ID, cell(v.Next), percent(v), arrival(v))
	}
}

func (p *progress) draw(v admin.Parcel) {
	if p.bar == nil || p.hop != v.Next {
		p.close()
		p.hop = v.Next
		p.bar = progressbar.NewOptions(v.Total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription("to "+cell(v.Next)),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: ".", BarStart: "[", BarEnd: "]"}),
			progressbar.OptionSetWidth(30), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	p.bar.ChangeMax(v.Total)
	p.bar.Describe("to " + cell(v.Next) + arrival(v))
	p.bar.Set(v.Done)
}

// close clears the bar, so that a line can be printed in its place.
func (p *progress) close() {
	if p.bar != nil {
		p.bar.Clear()
		p.bar = nil
	}
}
