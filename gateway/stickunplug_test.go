package gateway

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"packhorse/gateway/courier"
	"packhorse/gateway/courier/couriertest"
	"packhorse/link"
)

// visit exports and imports as the command does. What it is interrupted in is done by the next visit.
func (s *site) visit(fs *couriertest.FS) error {
	k := courier.New(fs)
	if err := k.Prepare(); err != nil {
		return err
	}
	all, err := k.Scan(StickHead)
	if err != nil {
		return err
	}
	for _, e := range all {
		raw, err := k.Read(e.Name)
		if err != nil {
			return err
		}
		v := s.mustCall(func(t Token) Event { return TakeBundle{t, raw} }).(StickTaken)
		if v.Fate == StickDamaged || v.Fate == StickStrange {
			return fmt.Errorf("%s has fate %d", e.Name, v.Fate)
		}
		if len(v.Ack) > 0 {
			if _, err := k.Write(v.Ack, courier.Bundle); err != nil {
				return err
			}
		}
		if v.Fate == StickDone {
			if err := k.Remove(e.Name); err != nil {
				return err
			}
		}
	}
	return s.writeStick(k)
}

func (s *site) writeStick(k *courier.Stick) error {
	all, err := k.Scan(StickHead)
	if err != nil {
		return err
	}
	var files []StickFile
	for _, e := range all {
		files = append(files, StickFile{e.Name, e.Size, e.Head})
	}
	s.token++
	sub := uint64(s.token)
	defer s.core.HandleEvent(s.b.now, CloseStick{sub})
	v := s.mustCall(func(t Token) Event { return OpenStick{t, sub, files} }).(StickVerdict)
	if err := k.Remove(v.Over...); err != nil {
		return err
	}
	for {
		m := s.mustCall(func(t Token) Event { return NextFile{t, sub, room, link.Bulk} }).(*StickMade)
		if len(m.Raw) == 0 {
			return nil
		}
		if _, err := k.Write(m.Raw, courier.Bundle); err != nil {
			return err
		}
	}
}

// A stick goes to and fro between two villages. In each run it is pulled out at another operation of one visit, and put in again
// with or without what was not durable; then that visit is made anew. Both parcels are delivered, once, in every run.
func TestAStickUnpluggedAtEveryOperationDeliversOnce(t *testing.T) {
	for _, visit := range []int{1, 2} { // each takes and writes
		for stop := 1; ; stop++ {
			if !unplugged(t, visit, stop, stop%2 == 0) {
				if stop < 10 {
					t.Errorf("visit %d has only %d operations", visit, stop-1)
				}
				break
			}
		}
	}
}

// unplugged is one run; false when the visit has fewer operations than that.
func unplugged(t *testing.T, at, stop int, lucky bool) (pulled bool) {
	b, x, y, alice, bob := villages(t)
	there, back := alice.parcel(bob, "p1", text(200)), bob.parcel(alice, "p2", text(100))
	alice.mustDeliver(there)
	bob.mustDeliver(back)
	fs, got := couriertest.New(), map[[32]byte]int{}
	for i, s := range []*site{x, y, x, y, x, y} {
		if i == at {
			fs.Stop = fs.Ops + stop
		}
		err := s.visit(fs)
		if err != nil && i != at {
			b.trouble("visit %d, pulled out at operation %d of visit %d: %v", i, stop, at, err)
		}
		if err != nil {
			pulled = true
			fs = fs.Replug(lucky)
			if err := s.visit(fs); err != nil {
				b.trouble("visit %d anew, pulled out at operation %d: %v", i, stop, err)
			}
		}
		fs.Stop = 0
		for _, raw := range append(alice.collect(), bob.collect()...) {
			got[sha256.Sum256(raw)]++
		}
	}
	if got[sumOf(there)] != 1 || got[sumOf(back)] != 1 || x.state(there) != Delivered || y.state(back) != Delivered {
		b.trouble("pulled out at operation %d of visit %d, lucky %v: delivered %d and %d times, states %v and %v", stop, at, lucky,
			got[sumOf(there)], got[sumOf(back)], x.state(there), y.state(back))
	}
	return pulled
}
