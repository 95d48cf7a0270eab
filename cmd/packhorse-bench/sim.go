package main

import (
	"packhorse/testbench/hil"
	"packhorse/testbench/hil/run"
	"packhorse/testbench/hil/simulated"
)

// simPlace is processes on this machine.
func simPlace(w wanted) run.Place {
	p := run.Place{Kind: simulated.Kind, Name: simWord, Params: w.params}
	binary, err := findBinary(w.binary)
	if err != nil {
		p.Missing = err.Error()
		return p
	}
	p.Open = throwaway(func(dir string) (hil.Rig, error) {
		return simulated.Open(simulated.Options{Binary: binary, Dir: dir, Seed: w.params.Seed})
	})
	return p
}
