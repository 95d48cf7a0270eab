// Command packhorse is the gateway and everything around it: a delay-tolerant gateway
// for Awala parcels over LoRa radios and whatever Internet is left. Each file holds one
// subcommand; the work is done in the other rooms.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc/grpclog"
)

func main() {
	if initOfAppliance() {
		os.Exit(1)
	}
	// It would write what strangers send it to stderr.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, root: os.Geteuid() == 0}
	a.host, _ = os.Hostname()
	if terminal(os.Stdin) {
		a.ask = a.askTerminal
	}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
