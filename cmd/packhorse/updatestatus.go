package main

import (
	"context"
	"path/filepath"
	"time"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/gateway/admin"
)

// updateState is where the card stands, in JSON.
type updateState struct {
	admin.Head
	Slot    string         `json:"slot"` // that runs
	Default string         `json:"default_slot,omitempty"`
	Trial   bool           `json:"trial"`
	Running updateRelease  `json:"running"`
	Other   *updateRelease `json:"other,omitempty"` // that the other slot is known to hold whole
	Result  string         `json:"result,omitempty"`
	Events  []updateEvent  `json:"events"`
	Files   []string       `json:"files"` // updates on the boot partition
}

type updateEvent struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	Version string    `json:"version,omitempty"`
	Build   string    `json:"build,omitempty"`
	Slot    string    `json:"slot,omitempty"`
	Why     string    `json:"why,omitempty"`
}

func (a *app) updateStatus(ctx context.Context) error {
	box, err := a.thisBox(ctx)
	if err != nil {
		return err
	}
	s, err := box.State()
	if err != nil {
		return updateError(err)
	}
	files, err := update.Files(box.BootDir)
	if err != nil {
		return err
	}
	v := newUpdateState(s, files)
	v.Head = a.head("packhorse.update_status/1")
	return a.answer(v, func() { a.sayUpdates(v) })
}

func newUpdateState(s update.State, files []string) updateState {
	v := updateState{Slot: card.SlotName(s.Running), Default: card.SlotName(s.Default), Trial: s.Trial,
		Running: updateRelease(s.Release), Result: s.Result, Events: []updateEvent{}, Files: []string{}}
	if s.Other != nil {
		o := updateRelease(s.Other.Release)
		v.Other = &o
	}
	for _, e := range s.Events {
		n := updateEvent{At: e.At, What: e.What, Version: e.Version, Build: e.Build, Why: e.Why}
		if card.IsSlot(e.Slot) {
			n.Slot = card.SlotName(e.Slot)
		}
		v.Events = append(v.Events, n)
	}
	v.Files = append(v.Files, files...)
	return v
}

func (a *app) sayUpdates(v updateState) {
	how := "the default"
	if v.Trial {
		how = "on trial; slot " + v.Default + " is the default"
	}
	a.say("slot %s runs %s of %s, %s", v.Slot, cell(v.Running.Version), cell(v.Running.Created), how)
	switch {
	case v.Other != nil:
		a.say("the other slot holds %s of %s: packhorse update --other tries it", cell(v.Other.Version), cell(v.Other.Created))
	case !v.Trial:
		a.say("the other slot holds nothing that is known to be whole")
	}
	if v.Result != "" {
		a.say("last update: %s", clean(v.Result))
	}
	for _, f := range v.Files {
		a.say("%s is taken at the next start, or now: packhorse update %s", cell(filepath.Base(f)), cell(f))
	}
	if len(v.Events) == 0 {
		return
	}
	rows := [][]string{{"AT", "WHAT", "VERSION", "SLOT", "WHY"}}
	for _, e := range v.Events {
		rows = append(rows, []string{e.At.Format(time.RFC3339), e.What, cell(e.Version), cell(e.Slot), cell(e.Why)})
	}
	a.say("")
	table(a.out, rows)
}
