//go:build linux

package real

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"packhorse/gateway/admin"
)

func TestFullStoreRefusesTheNewAndDeliversTheOld(t *testing.T) {
	t.Parallel()
	v := settle(t, plan{gateways: 2, seed: 8})
	v.first().stop()
	v.first().configure(measured + "[store]\nmax_bytes = 1048576\n")
	v.first().boot()
	path, _ := v.letter(1, 300_000)
	v.whenFull(func() {
		for range 4 {
			if v.first().try("send", v.last().name, "--file", path).code != 0 {
				return
			}
		}
		t.Fatal("four letters of 300 kB fit into a store of 1 MiB")
	})
}

// TestSoakFullDisk has the sender's directory on a file system of its own.
func TestSoakFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root may mount a small file system: run it as root")
	}
	t.Parallel()
	v := settle(t, plan{gateways: 2, seed: 9, disk: func(g *gateway) {
		if err := unix.Mount("packhorse", g.dir, "tmpfs", 0, "size=80m"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.kill(); unix.Unmount(g.dir, unix.MNT_DETACH) })
	}})
	ballast := filepath.Join(v.first().dir, "ballast")
	v.whenFull(func() {
		if err := os.WriteFile(ballast, make([]byte, 20<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	v.delivered(v.send(3, 500), 1)
}

// whenFull sends a letter that stays, has the first gateway's store filled, and checks that
// the next letter is refused whole while the one from before outlives a power cut and arrives.
func (v *village) whenFull(fill func()) {
	v.t.Helper()
	v.air.tell("cut 0-1")
	kept := v.send(1, 2000)
	fill()
	waiting := ask[admin.QueueReply](v.first(), "queue").Parcels
	path, _ := v.letter(2, 300_000)
	e := v.first().try("send", v.last().name, "--file", path)
	if e.code != admin.CodeQuota.Exit() || e.failure == nil || e.failure.Code != admin.CodeQuota || e.failure.Fix == "" {
		v.t.Errorf("a letter for a full store: exit %d, %s%s; want exit 4, quota and a fix", e.code, e.out, e.err)
	}
	v.t.Logf("refused with: %+v", e.failure)
	v.first().kill()
	v.first().boot()
	if got := ask[admin.QueueReply](v.first(), "queue").Parcels; fmt.Sprint(ids(got)) != fmt.Sprint(ids(waiting)) {
		v.t.Errorf("after a power cut the queue has %v, want %v", ids(got), ids(waiting))
	}
	v.air.tell("join 0-1")
	v.delivered(kept, 0)
}

func ids(all []admin.Parcel) (out []string) {
	for _, p := range all {
		out = append(out, p.ID)
	}
	return out
}
