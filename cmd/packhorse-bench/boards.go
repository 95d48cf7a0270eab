package main

import (
	"context"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/boards"
)

// openBoards opens the bench that a file describes.
func openBoards(f *benchfile.File) func(context.Context, string) (hil.Rig, error) {
	return func(_ context.Context, dir string) (hil.Rig, error) { return boards.Open(f, dir) }
}
