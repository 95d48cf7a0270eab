//go:build !linux

package main

import "packhorse/testbench/hil/run"

const imageVar = "PACKHORSE_IMAGE"

// simPlace and virtualPlace need pseudo-terminals and sockets as Linux has them.
func simPlace(w wanted) run.Place {
	return run.Place{Kind: "simulated", Name: simWord, Params: w.params, Missing: "simulated radios need Linux"}
}

func virtualPlace(w wanted, _ string) run.Place {
	return run.Place{Kind: "virtual", Name: virtualWord, Params: w.params, Missing: "the virtual bench needs Linux"}
}
