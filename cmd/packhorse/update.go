package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/control"
	"packhorse/gateway/admin"
)

// updating are the flags of update.
type updating struct {
	allowOlder, stageOnly, other, status bool
}

func (a *app) updateCommand() *cobra.Command {
	var u updating
	c := &cobra.Command{
		Use:   "update [FILE|URL|-]",
		Short: "put a signed update into the other slot of the appliance and restart into it, on trial",
		Long: `The flash image has two slots, and one of them runs. An update goes to the other one, is compared with what was signed as
read back from the card, and is started once, on trial. If the gateway becomes ready, that slot is kept; otherwise the box restarts and
the system of before runs again. Nothing that runs is changed before that.

The update is a file, an https or http address (a connection that breaks is taken up where it ended), or - for stdin:
ssh root@box packhorse update - < packhorse.phup. Without one it shows what runs, what became of the last update, and the files
*.phup on the boot partition; such a file is also taken by itself at the next start.

Packages are updated by the package manager. docs/UPDATE.md says who may sign and how to verify by hand.`,
		Args: between(0, 1, "a file, an address or -"),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case u.other && len(args) == 0 && !u.status:
				return a.tryOther(c.Context())
			case len(args) == 1 && !u.status && !u.other:
				return a.update(c.Context(), args[0], u)
			case len(args) == 0 && u == updating{status: u.status}:
				return a.updateStatus(c.Context())
			}
			return usage(c.CommandPath()+" --help", "a file, --other and --status are three different things")
		},
	}
	f := c.Flags()
	f.BoolVar(&u.allowOlder, "allow-older", false, "take a system that was made before the one that runs")
	f.BoolVar(&u.stageOnly, "stage-only", false, "do not restart; packhorse update --other does it later")
	f.BoolVar(&u.other, "other", false, "try what is in the other slot: the update that was staged, or after one the system before it")
	f.BoolVar(&u.status, "status", false, "say what runs and what became of the last update")
	c.AddCommand(a.updateCheckCommand())
	return c
}

// updated tells of an update in JSON.
type updated struct {
	admin.Head
	Result string `json:"result"` // restarting, staged, same
	updateRelease
	Slot string         `json:"slot,omitempty"`
	Key  string         `json:"key,omitempty"` // that signed
	From *updateRelease `json:"from,omitempty"`
}

// updateRelease is a card.Release in JSON.
type updateRelease struct {
	Version string `json:"version"`
	Build   string `json:"build"`
	Board   string `json:"board"`
	Created string `json:"created"`
}

// openSigned opens a file and sees who signed it; in is to be closed.
func (a *app) openSigned(ctx context.Context, from string, keys update.Keys) (f *update.File, in io.Closer, err error) {
	r, err := a.openUpdate(ctx, from)
	if err != nil {
		return nil, nil, err
	}
	if f, err = update.Open(r, keys); err != nil {
		r.Close()
		return nil, nil, updateError(err)
	}
	return f, r, nil
}

// update stages a file and restarts into it.
func (a *app) update(ctx context.Context, from string, u updating) error {
	box, err := a.thisBox(ctx)
	if err != nil {
		return err
	}
	keys, err := a.updateKeys(box)
	if err != nil {
		return updateError(err)
	}
	f, in, err := a.openSigned(ctx, from, keys)
	if err != nil {
		return err
	}
	defer in.Close()
	runs := updateRelease(box.Release)
	v := updated{updateRelease: updateRelease(f.Release()), Key: update.KeyName(f.Key), From: &runs}
	err = update.Fits(f.Manifest, box.Release, u.allowOlder)
	if errors.Is(err, update.ErrSameBuild) {
		v.Head, v.Result, v.Slot = a.head("packhorse.update/1"), "same", card.SlotName(box.Running)
		return a.answer(v, func() { a.say("%s runs already, this very build: nothing to do", v.Version) })
	}
	if err == nil {
		a.hintText("%s of %s, signed by key %s", v.Version, v.Created, v.Key)
		err = a.stage(ctx, box, f)
	}
	if err != nil {
		return updateError(err)
	}
	v.Slot = card.SlotName(card.Other(box.Running))
	if u.stageOnly {
		v.Head, v.Result = a.head("packhorse.update/1"), "staged"
		return a.answer(v, func() { a.say("%s is in slot %s; packhorse update --other restarts into it", v.Version, v.Slot) })
	}
	return a.restart(ctx, box, v, "packhorse update --other tries again to restart into it")
}

func (a *app) stage(ctx context.Context, box thisBox, f *update.File) error {
	show, done := a.updateProgress()
	err := box.Stage(ctx, f, time.Now(), show)
	done()
	if ctx.Err() != nil {
		a.hint("interrupted: the other slot holds nothing now; what runs is as it was")
	}
	return err
}

// restart asks the init for a restart into the other slot, once. again is what to do when it does not want to.
func (a *app) restart(ctx context.Context, box thisBox, v updated, again string) error {
	if _, err := box.ask(ctx, control.Request{Do: control.DoReboot, Trial: true}); err != nil {
		e := admin.AsError(err)
		e.Message, e.Fix = v.Version+" is in slot "+v.Slot+", but: "+e.Message, cmp.Or(again, e.Fix)
		return e
	}
	v.Head, v.Result = a.head("packhorse.update/1"), "restarting"
	return a.answer(v, func() {
		a.say("%s is in slot %s; the box restarts to try it, which takes a minute or two", v.Version, v.Slot)
		a.say("if it does not become ready, %s runs again: packhorse update --status", v.From.Version)
	})
}

// tryOther restarts into what the other slot holds.
func (a *app) tryOther(ctx context.Context) error {
	box, err := a.thisBox(ctx)
	if err != nil {
		return err
	}
	s, err := box.State()
	switch {
	case err != nil:
		return updateError(err)
	case s.Trial:
		return updateError(update.ErrTrial)
	case s.Other == nil:
		return updateError(update.ErrNothing)
	}
	runs := updateRelease(box.Release)
	return a.restart(ctx, box, updated{updateRelease: updateRelease(s.Other.Release), Slot: card.SlotName(s.Other.Slot), From: &runs}, "")
}

// hintText is a hint for people only.
func (a *app) hintText(format string, v ...any) {
	if !a.json {
		a.hint(format, v...)
	}
}
