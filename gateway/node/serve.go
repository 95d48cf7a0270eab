package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/internal/web"
	"packhorse/gateway/poweb"
)

// stopGrace is how long running requests may take once the gateway stops.
const stopGrace = 2 * time.Second

// serve runs transports and servers until ctx ends or a server fails.
func (n *Node) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	n.mu.Lock()
	n.runCtx = ctx
	n.mu.Unlock()
	err := errors.Join(n.startTransports(), n.startUplinks()) // before the servers, so that the first status knows of them
	if err != nil {
		cancel()
	}
	errs := make(chan error, 4)
	var wg sync.WaitGroup
	if n.cfg.Admin != nil {
		wg.Go(func() { errs <- admin.Serve(ctx, n.cfg.Admin, adminAPI{n}) })
	}
	if n.poweb != nil {
		wg.Go(func() { errs <- n.servePoWeb(ctx) })
	}
	if n.courier.server != nil {
		wg.Go(func() { errs <- n.courier.serve(ctx) })
	}
	if n.cfg.Courier.Internet {
		wg.Go(func() { n.courier.carryUp(ctx) })
	}
	if n.role != nil {
		wg.Go(func() { errs <- n.role.Run(ctx) })
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-errs:
		}
	}
	cancel()
	wg.Wait()
	return err
}

func (n *Node) servePoWeb(ctx context.Context) error {
	return web.Serve(ctx, poweb.NewServer(powebAPI{n}), n.poweb, stopGrace)
}
