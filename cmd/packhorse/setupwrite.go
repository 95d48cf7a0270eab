package main

import (
	"context"
	"errors"

	"github.com/pelletier/go-toml/v2"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

// writeAnswers puts what the answers want into conf.d/90-setup.toml. Answers of a file are where they are.
func (a *app) writeAnswers(ctx context.Context, l *config.Loaded, s admin.Status, w setupWanted, r *setupReport) (changed, error) {
	path := partPath(l, setupPart)
	old, err := current(path)
	if err != nil {
		return changed{}, unwritable(path, err)
	}
	tree := map[string]any{}
	if err := toml.Unmarshal(old, &tree); err != nil {
		return changed{}, usage("remove "+path+" and run packhorse setup again", "%s is damaged: %v", path, err)
	}
	if err := answersTree(tree, l, s.Region, w, r); err != nil {
		return changed{}, err
	}
	text, err := config.Write(writtenBy("setup"), tree)
	if err != nil {
		return changed{}, err
	}
	done := changed{now: l, old: r.changed.old}
	if string(text) != string(old) {
		if done, err = a.change(map[string][]byte{path: text}); err != nil {
			return done, err
		}
		if len(done.old) > 0 {
			r.Files = append(r.Files, path)
		}
	}
	a.reportConfig(done.now, w, r)
	if len(r.Files) == 0 {
		return done, nil
	}
	words, _, err := a.force(ctx, done)
	if err != nil {
		return done, errors.Join(err, r.changed.undo())
	}
	r.done("configuration written: " + words)
	return done, nil
}

// reportConfig says what was understood, and what the law says of it.
func (a *app) reportConfig(l *config.Loaded, w setupWanted, r *setupReport) {
	r.Name, r.Region = l.Name, l.Region
	r.wanted = w
	r.radios = nil
	for _, radio := range l.Radio {
		r.radios = append(r.radios, radio.Name+" ("+placeOf(radio)+")")
		if l.Region == "" {
			continue
		}
		_, text := a.law(l.Region, l, radio)
		r.Law = append(r.Law, text)
	}
}

func placeOf(r config.Radio) string {
	if r.Board != "" {
		return "board " + r.Board
	}
	return r.Kind + " on " + r.Port
}
