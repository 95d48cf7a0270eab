//go:build !linux

package main

import "packhorse/testbench/hil/run"

// simPlace needs the pseudo-terminals of Linux.
func simPlace(w wanted) run.Place {
	return run.Place{Kind: "simulated", Name: simWord, Params: w.params, Missing: "simulated radios need Linux"}
}
