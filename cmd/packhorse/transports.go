package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"packhorse/board"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/node"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
)

// serialBaud is the rate of every RNode's serial port.
const serialBaud = 115200

// transports makes what the configuration names: the radios only once a region is set.
func transports(l *config.Loaded) func(node.Info) ([]port.Transport, error) {
	return func(info node.Info) ([]port.Transport, error) {
		var list []port.Transport
		for _, r := range l.Radio {
			if info.Region == "" {
				break
			}
			t, err := radioTransport(info.Region, r, info.Clock)
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

// radioTransport joins a serial port, its driver and the law.
func radioTransport(region string, r config.Radio, clock func() pki.Quality) (port.Transport, error) {
	m, power, rule, err := radioPlan(region, r)
	if err != nil {
		return nil, err
	}
	return port.NewRadio(port.RadioSpec{
		Name:       r.Name,
		Open:       openRNode(r.Port),
		Modulation: phy.RNodeModulation(m),
		PowerDBm:   int(power.ConductedDBm),
		Rule:       rule,
		Ladder:     ladder(region, r, m, power),
		Stamp: func() radio.Stamp {
			id, up := board.Boot()
			return radio.Stamp{Wall: time.Now(), Known: clock() >= pki.ClockNTP, Boot: id, Up: up}
		},
	})
}

// ladder is what the radio may change to for a while.
func ladder(regionName string, r config.Radio, m phy.Modulation, p phy.Power) []phy.Setting {
	region, err := phy.LookupRegion(regionName)
	if err != nil || r.Rates == config.RatesOff {
		return nil
	}
	return phy.Ladder(region, m, p, true)
}

func openRNode(path string) func(context.Context) (radio.Radio, error) {
	return func(ctx context.Context) (radio.Radio, error) {
		s, err := board.OpenSerial(path, serialBaud)
		if err != nil {
			return nil, err
		}
		return rnode.Open(ctx, s, rnode.Opts{})
	}
}

// clockQuality asks the board. A plausible clock that nothing vouches for counts as a
// neighbour's word, unless the configuration says that it is kept. The gateway still holds
// each reading against the time that it knew.
func clockQuality(trusted bool) func() pki.Quality {
	return func() pki.Quality { return qualityOf(board.Clock(), trusted) }
}

func qualityOf(q board.ClockQuality, trusted bool) pki.Quality {
	switch {
	case q == board.ClockNone:
		return pki.ClockNone
	case q == board.ClockRTC:
		return pki.ClockRTC
	case q == board.ClockGPS:
		return pki.ClockGPS
	case q == board.ClockNTP || trusted:
		return pki.ClockNTP
	}
	return pki.ClockNeighbour
}
