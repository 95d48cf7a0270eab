//go:build !linux

package main

import "github.com/spf13/cobra"

// labCommands are none where there are no Linux pseudo-terminals.
func (a *app) labCommands() []*cobra.Command { return nil }
