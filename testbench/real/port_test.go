//go:build linux

package real

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"packhorse/gateway/admin"
)

func TestLostSerialPortComesBack(t *testing.T) {
	t.Parallel()
	losePort(t, plan{gateways: 2, seed: 7})
}

// losePort takes both modems away, has one port come back with something that is no modem,
// and then both with modems. A letter of meanwhile is delivered.
func losePort(t *testing.T, p plan) {
	t.Helper()
	v := settle(t, p)
	v.air.kill()
	var gone admin.Problem
	for _, g := range v.nodes {
		gone = g.brokenRadio(admin.Problem{})
		t.Logf("%s without its modem: %s; fix: %s", g.name, gone.What, gone.Fix)
	}
	s := ask[admin.ParcelReply](v.first(), "send", v.last().name, "kept while there is no radio")
	if s.State != admin.Saved {
		t.Errorf("a letter of meanwhile is %s, want saved", s.State)
	}

	g := newGarbage(t, v.first().port)
	v.first().until("reading of garbage", func() bool { return g.taken.Load() > 32<<10 })
	problem := v.first().brokenRadio(gone)
	t.Logf("%s with garbage on its port: %s; fix: %s", v.first().name, problem.What, problem.Fix)
	g.end()

	v.air.begin()
	for _, g := range v.nodes {
		g.until("working radio", func() bool { s := g.status(); return len(s.Radios) == 1 && s.Radios[0].OK })
	}
	v.first().until("receipt", func() bool {
		p, err := v.first().api.Parcel(v.first().ctx, s.ID)
		return err == nil && p.State == admin.Delivered
	})
	in := ask[admin.InboxReply](v.last(), "inbox").Letters
	if len(in) != 1 || string(v.last().read(in[0].ID)) != "kept while there is no radio" {
		t.Errorf("got letters %+v, want the one that was kept", in)
	}
}

// brokenRadio waits until status says what is wrong with the radio, something else than
// before, and answers that.
func (g *gateway) brokenRadio(before admin.Problem) (problem admin.Problem) {
	g.t.Helper()
	g.until("problem of the radio", func() bool {
		s := g.status()
		for _, p := range s.Problems {
			if strings.HasPrefix(p.What, "lora0: ") && len(s.Radios) == 1 && !s.Radios[0].OK && p.What != before.What {
				problem = p
			}
		}
		return problem.What != ""
	})
	if problem.Level != "fail" || problem.Fix == "" {
		g.t.Errorf("%s: got problem %+v, want a failure with its fix", g.name, problem)
	}
	return problem
}

// garbage is a serial port on which something else than a modem talks.
type garbage struct {
	t      *testing.T
	master *os.File
	taken  atomic.Int64 // octets that found a reader
	ended  chan struct{}
}

// newGarbage puts it in the place of a modem's port.
func newGarbage(t *testing.T, link string) *garbage {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	g := &garbage{t: t, master: os.NewFile(uintptr(fd), "garbage"), ended: make(chan struct{})}
	t.Cleanup(func() { g.master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(link)
	if err := os.Symlink("/dev/pts/"+strconv.Itoa(int(n)), link); err != nil {
		t.Fatal(err)
	}
	go g.talk()
	return g
}

// talk writes as fast as somebody reads. Many of the octets begin frames of the modem's
// host protocol.
func (g *garbage) talk() {
	defer close(g.ended)
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 256)
	for {
		for i := range b {
			if b[i] = byte(r.Uint32()); b[i]&7 == 0 {
				b[i] = 0xC0
			}
		}
		n, err := g.master.Write(b)
		g.taken.Add(int64(n))
		if err != nil {
			return
		}
	}
}

func (g *garbage) end() {
	g.t.Helper()
	g.master.Close()
	<-g.ended
}
