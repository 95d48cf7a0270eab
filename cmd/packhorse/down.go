package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"packhorse/store"
)

// showDown is what status can say when no gateway answers: whether one would start, and on what.
func (a *app) showDown() {
	a.say("NOT RUNNING.")
	l, err := a.load()
	if err != nil {
		return // the mistake is why the gateway was not asked, and said as such
	}
	region := "region as `packhorse up` sets it"
	if l.Region != "" {
		region = "region " + l.Region
	}
	a.say("config  ok, %s, %s, %s, %s", count(len(l.Files), "file"), region, count(len(l.Radio), "radio"), count(len(l.Internet.Peer), "internet peer"))
	a.say("state   %s", stateLineOf(l.StateDir))
}

// stateLineOf says what is known of a state directory from outside.
func stateLineOf(dir string) string {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return dir + ", not made yet"
	} else if err != nil {
		return fmt.Sprintf("%s, cannot be looked at: %v", dir, errors.Unwrap(err))
	}
	r, err := store.Check(filepath.Join(dir, "store"))
	return storeLine(dir, r, err)
}

// storeLine says what a look at the store of a state directory has shown.
func storeLine(dir string, r *store.Report, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return dir + ", not readable by this user"
	case err != nil:
		return dir + ", no store in it yet"
	case r.InUse:
		return dir + ", in use: a gateway runs on it, but listens on another socket"
	case !r.OK():
		return dir + ", damaged: packhorse store check"
	case r.Sealed:
		return dir + ", " + count(r.Records, "record") + " in the store, encrypted, ok as far as that shows without its key"
	}
	return dir + ", " + count(r.Values, "value") + " in the store, ok"
}
