package main

import (
	"errors"
	"strings"

	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/download"
	"packhorse/gateway/admin"
)

// updateFixes say what to do about what the update code answers. The first that fits counts.
var updateFixes = []struct {
	err  error
	code admin.Code
	fix  string
}{
	{update.ErrNoKeys, admin.CodeRefused, "put the public key of who makes your updates into appliance.update_keys, or give it with --key"},
	{update.ErrSignature, admin.CodeRefused, "take the file from who makes your updates; a key that you trust goes into appliance.update_keys, or to --key"},
	{update.ErrOlder, admin.CodeRefused, "--allow-older, if you want that"},
	{update.ErrBoard, admin.CodeRefused, "take the update for this board"},
	{update.ErrTrial, admin.CodeNotYet, "wait two minutes, then look at packhorse update --status"},
	{update.ErrAsked, admin.CodeNotYet, "wait for the restart"},
	{update.ErrBusy, admin.CodeNotYet, "wait for its end, then look at packhorse update --status"},
	{update.ErrNothing, admin.CodeRefused, "packhorse update FILE puts one there"},
	{update.ErrCard, admin.CodeFailed, "use another card: flash the image to it and restore a backup; what runs is as it was"},
	{update.ErrFormat, admin.CodeFailed, "get the file again; what runs is as it was"},
	{download.ErrChanged, admin.CodeFailed, "start again; what runs is as it was"},
}

// updateError is an error with what to do next.
func updateError(err error) error {
	if err == nil {
		return nil
	}
	e := admin.AsError(err)
	e.Message = strings.ReplaceAll(e.Message, "update: ", "")
	for _, f := range updateFixes {
		if errors.Is(err, f.err) {
			e.Code, e.Fix, e.Exit = f.code, f.fix, f.code.Exit()
			return e
		}
	}
	if e.Fix == "" {
		e.Fix = "what runs is as it was; packhorse update --status"
	}
	return e
}
