package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/gateway/node"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/radio"
)

// transports makes what the configuration names: the radios only once a region is set.
func (a *app) transports(l *config.Loaded, log *slog.Logger) func(node.Info) ([]port.Transport, error) {
	return func(info node.Info) ([]port.Transport, error) {
		var list []port.Transport
		for _, r := range l.Radio {
			if info.Region == "" {
				a.rest(l, r, log)
				continue
			}
			t, err := a.radioTransport(l, r, info, log)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
		}
		if l.Internet.Listen == "" && len(l.Internet.Peer) == 0 {
			return list, nil
		}
		t, err := internetTransport(l.Internet, info)
		if err != nil {
			return nil, err
		}
		return append(list, t), nil
	}
}

// restWithin bounds what a chip that does not answer may take of a start.
const restWithin = 2 * time.Second

// rest lets a chip sleep that waits for a region. One that cannot be reached is complained of when there is one.
func (a *app) rest(l *config.Loaded, r config.Radio, log *slog.Logger) {
	p, err := a.boardOf(l, r)
	if err != nil || p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), restWithin)
	defer cancel()
	if err := radios.Rest(ctx, a.devices(), r, p); err != nil {
		log.Debug("the radio is not put to sleep", "radio", r.Name, "error", err)
	}
}

// internetTransport dials the configured peers and lets every member of the domain in.
func internetTransport(c config.Internet, info node.Info) (port.Transport, error) {
	spec := port.DTLSSpec{Name: "internet", Key: info.Key, Listen: c.Listen, Allowed: info.Allowed}
	for _, p := range c.Peer {
		var id link.PeerID
		if n, err := hex.Decode(id[:], []byte(p.ID)); err != nil || n != len(id) {
			return nil, fmt.Errorf("internet peer %s: %q is no gateway id", p.Name, p.ID)
		}
		spec.Peers = append(spec.Peers, port.DTLSPeer{Name: p.Name, Addr: p.Address, ID: id})
	}
	return port.NewDTLS(spec)
}

// radioTransport joins a radio and the law. A board that has to be found first is looked for when the transport runs.
func (a *app) radioTransport(l *config.Loaded, r config.Radio, info node.Info, log *slog.Logger) (port.Transport, error) {
	side := radios.Side{
		Stamp: func() radio.Stamp {
			id, up := board.Boot()
			return radio.Stamp{Wall: time.Now(), Known: info.Clock() >= pki.ClockNTP, Boot: id, Up: up}
		},
		Warn: func(what string, err error) { log.Warn(what, "error", err) },
		LEDs: board.OpenLEDs, App: "packhorse " + versionText(),
	}
	make := func(p *board.Profile) (port.Transport, error) {
		plan, err := radios.New(info.Region, r, p)
		if err != nil {
			return nil, err
		}
		return radios.Transport(plan, a.devices(), side)
	}
	p, err := a.boardOf(l, r)
	if err != nil {
		return nil, err
	}
	if p != nil || r.Board == "" {
		return make(p)
	}
	return searching{r.Name, func() (port.Transport, error) {
		p, err := a.boards.Find(l.Boards, r.Kind, l.Taken(r))
		if err != nil {
			return nil, err
		}
		return make(p)
	}}, nil
}

// boardOf is the board of a radio as far as it is known without opening anything; nil: none, or one to be looked for.
func (a *app) boardOf(l *config.Loaded, r config.Radio) (*board.Profile, error) {
	if r.Board != config.Auto {
		return l.Profile(r), nil
	}
	if a.boards == nil {
		a.boards = &radios.Finder{HAT: board.Host{}.HAT, Open: a.devices().Hardware}
	}
	p, err := a.boards.Known(l.Boards, r.Kind)
	if err != nil {
		err = fmt.Errorf("radio %s: %w", r.Name, err)
	}
	return p, err
}

// searching is a radio whose board has to be found first.
type searching struct {
	name string
	find func() (port.Transport, error)
}

func (s searching) Name() string { return s.name }

const searchAgain = 30 * time.Second

// Run looks until the board is there, and is then its radio.
func (s searching) Run(ctx context.Context, h port.Host) error {
	for {
		t, err := s.find()
		if err == nil {
			return t.Run(ctx, h)
		}
		h.Health(port.Health{Transport: s.name, Problem: err.Error(), Fix: "name the board in the configuration (packhorse board list); it is looked for again by itself"})
		timer := time.NewTimer(searchAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}
