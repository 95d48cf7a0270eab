//go:build !linux

package main

import (
	"context"

	"github.com/spf13/cobra"
)

// labCommands are none where there are no Linux pseudo-terminals.
func (a *app) labCommands() []*cobra.Command { return nil }

func (a *app) runSimulated(context.Context, int) error {
	return usage("run it on Linux", "simulated radios need Linux pseudo-terminals")
}
