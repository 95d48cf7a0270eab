//go:build linux

package radios

import (
	"context"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	boardsim "packhorse/board/sim"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/link/port"
	"packhorse/radio/sim"
	"packhorse/store"
)

// TestGatewaysPassALetterOverEachKind has two whole gateways, each with the radio of a text, pair and write.
func TestGatewaysPassALetterOverEachKind(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b seat
		most time.Duration // from the letter to its receipt
	}{
		{"an sx1276 and an sx1262 behind an amplifier", onAdafruit, onMeshAdv, 2 * time.Minute},
		{"sik", onSiK, onSiK, 2 * time.Minute},
		{"e22", onE22, onE22, 4 * time.Minute},
		{"e32", onE32, onE32, 4 * time.Minute},
		{"kiss", onKISS, onKISS, 8 * time.Minute},
		{"meshtastic", onMeshtastic, onMeshtastic, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cryptotest.SetGlobalRandom(t, 7)
				pass := delivered(t, c.a, c.b)
				t.Logf("delivered after %v", pass)
				if pass > c.most {
					t.Errorf("the letter took %v, want %v at most", pass, c.most)
				}
			})
		})
	}
}

// delivered is how long a letter takes from one gateway to another.
func delivered(t *testing.T, seats ...seat) time.Duration {
	cfg := sim.Config{Seed: 7}
	for _, s := range seats {
		cfg.Stations = append(cfg.Stations, sim.Station{Modem: s.modem})
	}
	air, err := sim.New(cfg)
	must(t, err)
	rig, err := boardsim.NewRig(air, "")
	must(t, err)
	var nodes []*node.Node
	for i, s := range seats {
		p, err := plan(t, s.text)
		must(t, err)
		h, _, err := s.add(rig, i)
		must(t, err)
		n, err := node.Open(node.Config{Name: []string{"anna", "bert"}[i], Region: p.Rule.Region, StateDir: t.TempDir(), Store: store.Options{Reserve: -1},
			Transports: func(node.Info) ([]port.Transport, error) {
				r, err := Transport(p, h, Side{})
				return []port.Transport{r}, err
			}})
		must(t, err)
		nodes = append(nodes, n)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- rig.Run(ctx) }()
	life, end := context.WithCancel(ctx)
	for _, n := range nodes {
		go func() { ended <- n.Run(life) }()
	}
	defer func() {
		end()
		must(t, <-ended)
		must(t, <-ended)
		stop()
		must(t, <-ended)
	}()
	return write(t, nodes[0].API(), nodes[1].API())
}

// write pairs two gateways and has the first one write to the other.
func write(t *testing.T, anna, bert admin.Backend) time.Duration {
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Hour)
	defer stop()
	_, err := anna.Up(ctx, admin.Up{Domain: "ridge"})
	must(t, err)
	offer, err := anna.OpenPairing(ctx)
	must(t, err)
	_, err = bert.JoinPairing(ctx, offer.Code)
	must(t, err)
	from := time.Now()
	p, err := anna.Send(ctx, admin.Send{To: "bert", Type: "text/plain", Content: []byte("hello")})
	must(t, err)
	for p.State != admin.Delivered {
		if ctx.Err() != nil {
			t.Fatalf("after %v the letter is %+v", time.Since(from), p)
		}
		time.Sleep(time.Second)
		p, err = anna.Parcel(ctx, p.ID)
		must(t, err)
	}
	return time.Since(from)
}
