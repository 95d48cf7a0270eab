package cogrpc

import (
	"crypto/tls"
	"net"
	"net/netip"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// Role is which of Awala's servers this is: they differ in what they tell their clients.
type Role uint8

// The roles of servers.
const (
	// Courier ends a delivery at the first cargo that it refuses, answers a collection without a good CCA
	// with nothing, deletes what is acknowledged, and ends a collection after the last acknowledgement.
	Courier Role = iota + 1
	// InternetGateway acknowledges cargo that it refuses, tells why it refuses a CCA, and ends a collection
	// after the last cargo.
	InternetGateway
)

// Options make a Server. Role is required.
type Options struct {
	Role Role
	// TLS is the server's side; nil: none, for a server behind one that has it.
	TLS *tls.Config
	// Calls bounds the calls that are served at once, each with at most two cargoes in memory; as many more
	// wait. 0: 8.
	Calls int
	// Allow tells whose connections are taken. nil: everybody's.
	Allow func(netip.Addr) bool
	// Patience is how long a client may take for one step: to send a cargo, to read one, to acknowledge.
	// 0: two minutes.
	Patience time.Duration
}

const (
	defaultCalls      = 8
	callsOfConnection = 4
	connectionsOfCall = 2 // connections that are open at once, for each call
	connectTimeout    = 10 * time.Second
	idleTimeout       = time.Minute
	pingAfter         = 20 * time.Second // of silence
	pongTimeout       = 20 * time.Second
	pingsApart        = 5 * time.Second // that a client may send
)

// Server serves CargoRelay. Its methods are safe for concurrent use.
type Server struct {
	grpc    *grpc.Server
	options Options
}

// NewServer makes a server that stands in front of b.
func NewServer(b Backend, o Options) *Server {
	if o.Calls == 0 {
		o.Calls = defaultCalls
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	s := &service{backend: b, role: o.Role, patience: o.Patience, places: newPlaces(o.Calls)}
	g := grpc.NewServer(serverOptions(o)...)
	for _, name := range []string{packageName, packageSpec} {
		g.RegisterService(s.desc(name+serviceName), s)
	}
	return &Server{grpc: g, options: o}
}

func serverOptions(o Options) []grpc.ServerOption {
	out := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxMetadata),
		grpc.MaxConcurrentStreams(callsOfConnection),
		grpc.StaticStreamWindowSize(streamQuota),
		grpc.StaticConnWindowSize(connQuota),
		grpc.ConnectionTimeout(connectTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleTimeout, Time: pingAfter, Timeout: pongTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsApart, PermitWithoutStream: true}),
	}
	if o.TLS != nil {
		out = append(out, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	return out
}

// Serve takes connections until Stop, then it returns nil. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	return s.grpc.Serve(&guard{Listener: l, allow: s.options.Allow, open: newCrowd(connectionsOfCall * s.options.Calls)})
}

// Stop ends the server: calls may run on for the time of grace, then they are cut.
func (s *Server) Stop(grace time.Duration) {
	cut := time.AfterFunc(grace, s.grpc.Stop)
	defer cut.Stop()
	s.grpc.GracefulStop()
}
