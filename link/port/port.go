// Package port joins link.Core to the world: radios, DTLS. It is the only part of
// the link with goroutines and sockets.
package port

import (
	"context"
	"errors"
	"time"

	"packhorse/link"
	"packhorse/radio"
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
	// LeftBehind is what was saved under names that no transport has any more.
	LeftBehind() ([][]byte, error)
	SaveState(name string, b []byte) error
}

// Handle is one open port. Next from one goroutine, Frame from one other.
type Handle interface {
	// Frame delivers a received frame; b may be reused after return.
	Frame(b []byte, m link.Meta)
	// Next waits for a frame to send and returns it in a buffer of its own. ErrTune: the link wants
	// another setting first, which Tunes holds.
	Next(ctx context.Context) ([]byte, error)
	// Tunes holds the setting that the link wants (link.Tune): 0 is the common one. The link hands out
	// no frame until Tuned has answered. Only ports with Rates are ever asked.
	Tunes() <-chan int
	// Tuned tells which setting is in force; failed, that it is not the one asked for.
	Tuned(rate int, failed bool)
	// Budget tells how much airtime the law leaves in the setting in force.
	Budget(b link.PortBudget)
	// Clear tells when everything taken by Next so far will have left.
	Clear(at time.Time)
	// Close takes the port down.
	Close()
}

// ErrTune ends a Next for a change of setting.
var ErrTune = errors.New("port: the link wants another setting")

// Health is what `packhorse status` shows of a transport.
type Health struct {
	Transport string `json:"transport"`
	OK        bool   `json:"ok"`
	Problem   string `json:"problem,omitempty"`
	Fix       string `json:"fix,omitempty"`
	// Note is what a person should know of a transport although it works, NoteFix what can be done about it.
	Note    string `json:"note,omitempty"`
	NoteFix string `json:"note_fix,omitempty"`
	// Radio only.
	Band       string `json:"band,omitempty"`
	Modulation string `json:"modulation,omitempty"`
	PowerDBm   int    `json:"power_dbm,omitempty"` // at the antenna socket
	// Budget is what the law left at last look; Budget.LeftAt tells of any later time.
	Budget         link.PortBudget `json:"-"`
	AirtimeAllowed time.Duration   `json:"-"` // per hour; 0 = no limit
	BlockedUntil   time.Time       `json:"-"` // no budget before this
	FramesIn       uint64          `json:"frames_in"`
	FramesOut      uint64          `json:"frames_out"`
	AirtimeTotal   time.Duration   `json:"-"` // since start
	// Channel tells what the radio knows of its channel when it is called; nil: nothing. Safe for concurrent use.
	Channel func() radio.ChannelStats `json:"-"`
}
