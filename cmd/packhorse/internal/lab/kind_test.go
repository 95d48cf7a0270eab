//go:build linux

package lab

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	boardsim "packhorse/board/sim"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/radio/sim"
)

// exampleOf is the example of docs/CONFIG.md with a radio of a kind on a port: that radio, and its region.
func exampleOf(t *testing.T, kind string) (config.Radio, string) {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/CONFIG.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		path := filepath.Join(t.TempDir(), "packhorse.toml")
		if err := os.WriteFile(path, []byte(example[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := config.Load(config.Options{Path: path, Getenv: func(string) string { return "" }})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.Radio {
			if r.Kind == kind && r.Port != "" && l.Region != "" {
				return r, l.Region
			}
		}
	}
	t.Fatalf("no example of a radio of kind %s", kind)
	return config.Radio{}, ""
}

// What docs/CONFIG.md shows of a kind is what a simulated modem of that kind takes.
func TestModemsTakeTheirExample(t *testing.T) {
	for _, kind := range Kinds {
		of := kind
		if kind == "e22" {
			of = config.EByte
		}
		t.Run(kind, func(t *testing.T) {
			r, region := exampleOf(t, of)
			synctest.Test(t, func(t *testing.T) { takes(t, kind, region, r) })
		})
	}
}

func takes(t *testing.T, kind, region string, r config.Radio) {
	air, err := sim.New(sim.Config{Stations: stations(kind, 1), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	rig, err := boardsim.NewRig(air, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := add(rig, kind, 0); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { _ = rig.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	p, err := radios.New(region, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Open(ctx, radios.Host{
		Serial: func(string, int) (radios.Port, error) { return rig.Dial(0).(radios.Port), nil },
		Dial:   func(context.Context, string) (io.ReadWriteCloser, error) { return rig.Dial(0), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Configure(ctx, p.Modulation, p.PowerDBm); err != nil {
		t.Errorf("%s: %v", strings.TrimSpace(region+" "+p.Modulation.String()), err)
	}
}
