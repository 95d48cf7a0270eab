// Command packhorse-bench takes suites through benches: processes with simulated radios, virtual machines, and boards on a
// table. docs/HIL.md tells how a bench is built and described. The work is done in testbench/hil.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
