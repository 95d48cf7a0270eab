package inetnode

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"packhorse/gateway/cogrpc"
	"packhorse/gateway/inet"
	"packhorse/gateway/internal/web"
	"packhorse/gateway/pohttp"
	"packhorse/gateway/poweb"
)

const (
	// stopGrace is how long running requests may take once the gateway stops.
	stopGrace = 2 * time.Second
	// senders is how many parcels are on their way to other Internet nodes at once, each in memory.
	senders = 8
	// connections are open at once to one HTTP server: its collections, and as many others. One address may be that of
	// several private gateways behind one router, or of one that hoards.
	connections      = 2048
	connectionsOfOne = 64
)

// server is one listener and what serves it until ctx ends.
type server struct {
	name, address string
	listener      net.Listener
	serve         func(ctx context.Context, l net.Listener) error
}

// plan is what is to listen where.
func (n *Node) plan() (list []server) {
	if n.cfg.PoWeb != "" {
		s := poweb.NewInternetServer(powebAPI{n}, poweb.InternetOptions{})
		if n.cfg.PoHTTP == n.cfg.PoWeb {
			s.Handler = besides(s.Handler, pohttp.NewHandler(pohttpAPI{n}))
		}
		list = append(list, n.http("PoWeb", n.cfg.PoWeb, s))
	}
	if n.cfg.PoHTTP != "" && n.cfg.PoHTTP != n.cfg.PoWeb {
		list = append(list, n.http("PoHTTP", n.cfg.PoHTTP, pohttp.NewServer(pohttpAPI{n})))
	}
	if n.cfg.CogRPC != "" {
		list = append(list, server{name: "CogRPC", address: n.cfg.CogRPC, serve: n.serveCargo})
	}
	return list
}

// besides serves PoHTTP, which has the path / alone, on the port of PoWeb.
func besides(web, parcels http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			parcels.ServeHTTP(w, r)
			return
		}
		web.ServeHTTP(w, r)
	})
}

func (n *Node) tls() *tls.Config {
	if n.certs == nil {
		return nil
	}
	return n.certs.config()
}

func (n *Node) http(name, address string, s *http.Server) server {
	return server{name: name, address: address, serve: func(ctx context.Context, l net.Listener) error {
		l = &web.Listener{Listener: l, Gate: web.NewGate(connections, connectionsOfOne)}
		if c := n.tls(); c != nil {
			c.NextProtos = []string{"http/1.1"}
			l = tls.NewListener(l, c)
		}
		return web.Serve(ctx, s, l, stopGrace)
	}}
}

func (n *Node) serveCargo(ctx context.Context, l net.Listener) error {
	s := cogrpc.NewServer(cargoAPI{n}, cogrpc.Options{Role: cogrpc.InternetGateway, TLS: n.tls()})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	s.Stop(stopGrace)
	return <-done
}

// serve runs servers and senders until ctx ends or a server fails.
func (n *Node) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, len(n.servers))
	var wg sync.WaitGroup
	for _, s := range n.servers {
		wg.Go(func() { errs <- s.serve(ctx, s.listener) })
	}
	for range senders {
		wg.Go(func() { n.send(ctx) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	cancel()
	wg.Wait()
	return err
}

// send delivers parcels to other Internet nodes, one after the other.
func (n *Node) send(ctx context.Context) {
	for ctx.Err() == nil {
		v, err := n.ask(ctx, func(t inet.Token) inet.Event { return inet.Outgoing{Token: t} })
		o, _ := v.(*inet.Outbound)
		if err != nil || o == nil {
			return // only at the end
		}
		outcome := n.deliver(ctx, o)
		n.ask(context.WithoutCancel(ctx), func(t inet.Token) inet.Event { return inet.Sent{Token: t, Key: o.Key, Outcome: outcome} })
	}
}

func (n *Node) deliver(ctx context.Context, o *inet.Outbound) inet.Outcome {
	err := n.client.Deliver(ctx, o.Address, o.Parcel)
	var refused *pohttp.Error
	switch {
	case err == nil:
		return inet.Delivered
	case errors.As(err, &refused) && refused.Refused():
		n.log.Info("a parcel was refused", "address", o.Address, "error", err)
		return inet.Refused
	}
	n.log.Debug("a parcel waits", "address", o.Address, "error", err)
	if refused != nil && refused.Status != 0 {
		return inet.Postponed
	}
	return inet.Failed
}
