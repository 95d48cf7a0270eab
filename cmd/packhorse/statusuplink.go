package main

import (
	"time"

	"packhorse/gateway/admin"
)

// showUplinks says how each Internet gateway is doing. What is wrong with one, and its fix, stands among the problems.
func (a *app) showUplinks(all []admin.Uplink) {
	for _, u := range all {
		a.say("Uplink %s: %s", cell(u.Address), uplinkLine(u))
	}
}

func uplinkLine(u admin.Uplink) string {
	line := "not registered"
	switch {
	case u.Live:
		line = "connected"
	case u.Registered:
		line = "not connected"
	}
	if !u.Until.IsZero() {
		line += ", registered until " + u.Until.Format(time.DateOnly)
	}
	if u.Waiting > 0 {
		line += ", " + count(u.Waiting, "parcel") + " waiting"
	}
	if u.Owed > 0 {
		line += ", " + count(u.Owed, "acknowledgement") + " for the next cargo"
	}
	if u.Problem != "" {
		line += "; what is wrong stands above"
	}
	return line
}
