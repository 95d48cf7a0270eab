//go:build linux

package real

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"packhorse/cmd/packhorse/internal/lab"
	"packhorse/gateway/admin"
)

// build compiles the binary once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "packhorse")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "packhorse")
	b, err := exec.Command("go", "build", "-o", out, "packhorse/cmd/packhorse").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, b)
	}
	return out, nil
})

func binary(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// realTime bounds what a real-time test may take.
const realTime = 8 * time.Minute

// shortDir is a directory whose sockets fit into the 108 octets of a unix address.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "v")
}

// pair2 starts two paired gateways on simulated radios, which are stopped with the test.
func pair2(t *testing.T, ctx context.Context, loss float64) *lab.Village {
	t.Helper()
	v, err := lab.Open(ctx, lab.Plan{Binary: binary(t), Dir: shortDir(t), Names: []string{"a", "b"}, Region: "NZ915", Domain: "test",
		Links: "all", Loss: loss, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	if err := v.Found(ctx); err != nil {
		t.Fatal(err)
	}
	if err := v.Pair(ctx, 1, func(string) {}); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, "a's contact with b", func() bool {
		names, _ := v.Nodes[0].Client.Contacts(ctx)
		return slices.Contains(names, "b")
	})
	return v
}

// await asks until the answer is yes; only ctx bounds it.
func await(t *testing.T, ctx context.Context, what string, yes func() bool) {
	t.Helper()
	for tick := time.NewTicker(50 * time.Millisecond); !yes(); {
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v", what, ctx.Err())
		case <-tick.C:
		}
	}
}

func TestRealProcessesDeliverOnceThroughFiveKills(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), realTime)
	defer cancel()
	v := pair2(t, ctx, 0.1)
	a, b := v.Nodes[0], v.Nodes[1]
	content := make([]byte, 10_000)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	p, err := a.Client.Send(ctx, admin.Send{To: "b", Type: "application/octet-stream", Filename: "f", Priority: "bulk", TTL: time.Hour, Content: content})
	if err != nil {
		t.Fatal(err)
	}
	for _, percent := range []int{10, 30, 50, 70, 90} {
		await(t, ctx, "progress", func() bool {
			now, err := a.Client.Parcel(ctx, p.ID)
			return err == nil && (now.State != admin.Saved || now.Total > 0 && 100*now.Done >= percent*now.Total)
		})
		b.Kill()
		if err := v.SwitchOn(ctx); err != nil {
			t.Fatal(err)
		}
	}
	await(t, ctx, "delivery", func() bool {
		now, err := a.Client.Parcel(ctx, p.ID)
		return err == nil && now.State == admin.Delivered
	})
	in, err := b.Client.Inbox(ctx)
	if err != nil || len(in) != 1 {
		t.Fatalf("got %d letters (%v), want 1", len(in), err)
	}
	got, err := b.Client.Read(ctx, in[0].ID)
	if err != nil || !bytes.Equal(got.Content, content) {
		t.Errorf("got %d octets (%v), want the %d that left", len(got.Content), err, len(content))
	}
	counts, err := v.Air.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("airtime with pairing and five kills: a %v, b %v", counts[0].Airtime, counts[1].Airtime)
}
