//go:build linux

package interop

import (
	"context"
	"testing"
	"time"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sim"
)

// startAir makes serial ports with simulated RNodes behind them, on one LoRa channel in real time.
func startAir(t *testing.T, stations int) (paths []string) {
	t.Helper()
	air, err := sim.New(sim.Config{Seed: 1, Stations: make([]sim.Station, stations)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := boardsim.NewRNodes(air, stations, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	t.Cleanup(func() { stop(); <-ended })
	return r.Paths()
}

// overSerial makes the transport of a gateway with an RNode on a serial port. The wide
// channel makes the air faster than a long-range one.
func overSerial(t *testing.T, path string) func(node.Info) ([]port.Transport, error) {
	return func(i node.Info) ([]port.Transport, error) {
		region, err := phy.LookupRegion(i.Region)
		if err != nil {
			return nil, err
		}
		m := region.Plan
		m.SpreadingFactor, m.BandwidthHz = 7, 500_000
		rule, err := region.Rule(m, region.PlanPower)
		if err != nil {
			return nil, err
		}
		open := func(ctx context.Context) (radio.Radio, error) {
			s, err := board.OpenSerial(path, 115200)
			if err != nil {
				return nil, err
			}
			return rnode.Open(ctx, s, rnode.Opts{})
		}
		r, err := port.NewRadio(port.RadioSpec{Name: "lora0", Open: open, Modulation: phy.RNodeModulation(m),
			PowerDBm: int(region.PlanPower.ConductedDBm), Rule: rule})
		if err != nil {
			return nil, err
		}
		return []port.Transport{r}, nil
	}
}

// TestEndpointsOfTwoGatewaysOverTheAir has a radio between the endpoints. Each parcel may
// take a while: the answer to 202 is not its arrival.
func TestEndpointsOfTwoGatewaysOverTheAir(t *testing.T) {
	t.Parallel()
	paths := startAir(t, 2)
	ridge := startGateway(t, node.Config{Name: "ridge", Region: "NZ915", Transports: overSerial(t, paths[0])})
	clinic := startGateway(t, node.Config{Name: "clinic", Region: "NZ915", Transports: overSerial(t, paths[1])})
	if _, err := ridge.admin.Up(t.Context(), admin.Up{Domain: "valley"}); err != nil {
		t.Fatal(err)
	}
	pair(t, ridge, clinic)
	endpoints(t, ridge.port, clinic.port, "120", "6000", "3")
}

// pair brings the joiner into the domain of the other by a typed code.
func pair(t *testing.T, host, joiner *gateway) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	offer, err := host.admin.OpenPairing(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := joiner.admin.JoinPairing(ctx, offer.Code); err != nil {
		t.Fatal(err)
	}
	if r, err := host.admin.Pairing(ctx); err != nil {
		t.Fatalf("pairing ended with %+v, %v", r, err)
	}
}
