package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"packhorse/gateway/discovery"
	"packhorse/gateway/node"
)

// place is where an Internet gateway of a script is.
type place struct {
	Address   string
	Port      uint16
	CargoPort uint16
}

// uplinks configures a gateway for Internet gateways of a script.
func (a *authority) uplinks(t *testing.T, places []place) node.UplinkConfig {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(a.dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	var out node.UplinkConfig
	for _, p := range places {
		out.Gateways = append(out.Gateways, p.Address)
		out.Fixed = append(out.Fixed, discovery.Fixed{Name: p.Address, CA: ca,
			PoWeb: fmt.Sprintf("localhost:%d", p.Port), CogRPC: fmt.Sprintf("localhost:%d", p.CargoPort)})
	}
	return out
}

// asked reads what a script sends with a question.
func asked[T any](f func(T) (any, error)) func(json.RawMessage) (any, error) {
	return func(args json.RawMessage) (any, error) {
		var v T
		if err := json.Unmarshal(args, &v); err != nil {
			return nil, err
		}
		return f(v)
	}
}

type gateways struct{ Gateways []place }

// until asks every tenth of a second until it is so.
func until(ctx context.Context, f func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := f(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("it did not come to be so within two minutes")
		}
	}
}
