// Package port joins link.Core to the world: radios, DTLS. It is the only part of
// the link with goroutines and sockets.
package port

import (
	"context"
	"time"

	"packhorse/link"
)

// Transport is something frames go through: a radio, a DTLS socket. Run returns
// when ctx ends; it reopens what breaks by itself, with backoff, and says so through Host.
type Transport interface {
	Name() string // of the config section: "lora0", "internet"
	Run(ctx context.Context, h Host) error
}

// Host is what the gateway's shell offers a transport. Safe for concurrent use.
type Host interface {
	// Open announces a working port; up.Port is chosen by the host.
	Open(up link.PortUp) Handle
	// Health reports state for `packhorse status`, also while no port is open.
	Health(Health)
	// LoadState and SaveState keep a small blob under the transport's name, durable
	// when SaveState returns (the duty-cycle ledger).
	LoadState(name string) ([]byte, error)
	SaveState(name string, b []byte) error
}

// Handle is one open port. Next from one goroutine, Frame from one other.
type Handle interface {
	// Frame delivers a received frame; b may be reused after return.
	Frame(b []byte, m link.Meta)
	// Next waits for a frame to send and returns it in a buffer of its own.
	Next(ctx context.Context) ([]byte, error)
	// Clear tells when everything taken by Next so far will have left.
	Clear(at time.Time)
	// Close takes the port down.
	Close()
}

// Health is what `packhorse status` shows of a transport.
type Health struct {
	Transport string `json:"transport"`
	OK        bool   `json:"ok"`
	Problem   string `json:"problem,omitempty"`
	Fix       string `json:"fix,omitempty"`
	// Radio only.
	Band           string        `json:"band,omitempty"`
	Modulation     string        `json:"modulation,omitempty"`
	AirtimeUsed    time.Duration `json:"-"` // in the last hour
	AirtimeAllowed time.Duration `json:"-"` // per hour; 0 = no limit
	BlockedUntil   time.Time     `json:"-"` // no budget before this
	FramesIn       uint64        `json:"frames_in"`
	FramesOut      uint64        `json:"frames_out"`
	AirtimeTotal   time.Duration `json:"-"` // since start
}
