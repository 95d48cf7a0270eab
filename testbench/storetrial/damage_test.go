package storetrial

import (
	"bytes"
	"os"
	"testing"

	"packhorse/store"
)

// soak asks for all of what else is sampled.
var soak = os.Getenv("PACKHORSE_SOAK") != ""

// both runs a test on a clear and on a sealed specimen, without the snapshot of a clean end.
func both(t *testing.T, large int, run func(p *specimen)) {
	for name, key := range map[string]byte{"clear": 0, "sealed": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newSpecimen(t, key, false, large))
		})
	}
}

// all runs a test with the snapshot too.
func all(t *testing.T, large int, run func(p *specimen)) {
	both(t, large, run)
	for name, key := range map[string]byte{"clear, closed": 0, "sealed, closed": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newSpecimen(t, key, true, large))
		})
	}
}

// every visits each octet, or in a short run every so manieth.
func (p *specimen) every(step int, visit func(file string, at int)) {
	if soak {
		step = 1
	} else if testing.Short() {
		step *= 11
	} else if p.vouched {
		step *= 3
	}
	for _, file := range p.names() {
		for at := 0; at < len(p.files[file]); at += step {
			visit(file, at)
			p.restore()
		}
	}
}

func TestOctetFlippedAnywhereIsNoticedAndCostsOneValue(t *testing.T) {
	all(t, 0, func(p *specimen) { p.flips(1) })
}

func TestOctetFlippedBesideALargeValueIsNoticedAndCostsOneValue(t *testing.T) {
	all(t, 65536+200, func(p *specimen) { p.flips(211) })
}

func (p *specimen) flips(step int) {
	d := newDraw(1, 1)
	p.every(step, func(file string, at int) {
		b := bytes.Clone(p.files[file])
		b[at] ^= byte(1 + d.IntN(255))
		p.put(file, b)
		p.flipped(stretch{file, at, at + 1})
	})
}

func (p *specimen) flipped(h stretch) {
	p.t.Helper()
	differ, wrong := p.judge(h)
	most := 1
	if p.tail(h) {
		most = len(p.log[len(p.log)-1].changes)
	}
	if len(differ) > most {
		wrong = append(wrong, say("got %v lost, want at most %d", differ, most))
	}
	if len(wrong) > 0 {
		p.t.Errorf("%s at %d: %s", h.file, h.from, wrong[0])
	}
}

func TestNewestFileCutAnywhereHoldsWholeBatches(t *testing.T) {
	both(t, 0, func(p *specimen) {
		p.every(1, func(file string, at int) {
			if file != p.newest() {
				return
			}
			for _, tail := range [][]byte{nil, make([]byte, 1), make([]byte, 4096), noise[:300]} {
				b := append(bytes.Clone(p.files[file][:at]), tail...)
				p.put(file, b)
				s := p.open()
				if wrong := p.until(file, p.same(file, b)).compare(s); len(wrong) > 0 || s.Stats().Damaged > 0 {
					p.t.Errorf("cut at %d, with %d octets behind: %v, %+v", at, len(tail), wrong, s.Stats())
				}
				s.Abandon()
				p.restore()
			}
		})
	})
}

// until is what the store held when a file was so long.
func (p *specimen) until(file string, size int) model {
	m := model{}
	for _, w := range p.log {
		if w.meets(stretch{file, size, len(p.files[file])}) {
			break
		}
		m = w.after
	}
	return m
}

// same is how far a file is what it was: what is put behind a cut may begin with the very octets that were cut.
func (p *specimen) same(file string, b []byte) int {
	whole := p.files[file]
	for i := range min(len(whole), len(b)) {
		if whole[i] != b[i] {
			return i
		}
	}
	return min(len(whole), len(b))
}

func TestOlderFileCutAnywhereIsNoticed(t *testing.T) {
	all(t, 0, func(p *specimen) {
		p.every(3, func(file string, at int) {
			if file != p.newest() || p.vouched {
				p.spoiled(file, p.files[file][:at], stretch{file, at, len(p.files[file])})
			}
		})
	})
}

// spoiled gives a file other octets and judges. The first stretch begins no earlier than the file differs.
func (p *specimen) spoiled(file string, b []byte, hurt ...stretch) {
	p.t.Helper()
	if bytes.Equal(b, p.files[file]) {
		return
	}
	hurt[0].from = max(hurt[0].from, p.same(file, b))
	hurt[0].to = max(hurt[0].to, hurt[0].from+1)
	p.put(file, b)
	if _, wrong := p.judge(hurt...); len(wrong) > 0 {
		p.t.Errorf("%s at %d to %d: %s", file, hurt[0].from, hurt[len(hurt)-1].to, wrong[0])
	}
	p.restore()
}

func TestStretchOfZerosOrOnesIsNoticed(t *testing.T) {
	all(t, 0, func(p *specimen) {
		p.every(11, func(file string, at int) {
			for _, n := range []int{4, 64, 512} { // a page, at this scale
				to := min(at+n, len(p.files[file]))
				for _, fill := range []byte{0, 0xff} {
					b := bytes.Clone(p.files[file])
					copy(b[at:to], bytes.Repeat([]byte{fill}, n))
					p.differing(file, b)
				}
			}
		})
	})
}

// differing judges by where the octets differ, if they do.
func (p *specimen) differing(file string, b []byte) {
	p.t.Helper()
	var hurt []stretch
	for i, old := range p.files[file] {
		if b[i] != old {
			hurt = append(hurt, stretch{file, i, i + 1})
		}
	}
	p.spoiled(file, b, hurt...)
}

func TestRunsOfOctetsSwappedAreNoticed(t *testing.T) {
	all(t, 0, func(p *specimen) {
		d := newDraw(2, 2)
		p.every(11, func(file string, at int) {
			whole := p.files[file]
			n := 1 + d.IntN(200)
			other := d.IntN(len(whole))
			if at+n > other || other+n > len(whole) || bytes.Equal(whole[at:at+n], whole[other:other+n]) {
				return
			}
			b := bytes.Clone(whole)
			copy(b[at:], whole[other:other+n])
			copy(b[other:], whole[at:at+n])
			// A record that has come to lie before those it followed takes their turn.
			p.spoiled(file, b, stretch{file, at, other + n})
		})
	})
}

func TestOctetsPutInOrTakenOutAreNoticed(t *testing.T) {
	all(t, 0, func(p *specimen) {
		d := newDraw(3, 3)
		p.every(11, func(file string, at int) {
			whole := p.files[file]
			n := 1 + d.IntN(60)
			here := stretch{file, at, at + 1}
			if p.vouched { // a snapshot says where each record lies
				here.to = len(whole)
			}
			p.spoiled(file, append(append(bytes.Clone(whole[:at]), noise[at:at+n]...), whole[at:]...), here)
			to := min(at+n, len(whole))
			p.spoiled(file, append(bytes.Clone(whole[:at]), whole[to:]...), stretch{file, at, max(to, here.to)})
			p.spoiled(file, append(bytes.Clone(whole[:to]), whole[at:]...), stretch{file, to, max(to+1, here.to)}) // twice
		})
	})
}

func TestGarbageBehindAFileIsNoticedAndCostsNothing(t *testing.T) {
	all(t, 0, func(p *specimen) {
		for _, file := range p.names() {
			for _, tail := range [][]byte{{1}, noise[:5000], append(make([]byte, 4096), 1), p.files[file]} {
				p.put(file, append(bytes.Clone(p.files[file]), tail...))
				end := len(p.files[file])
				differ, wrong := p.judge(stretch{file, end, end + len(tail)})
				if len(differ)+len(wrong) > 0 {
					p.t.Errorf("%d octets behind %s: %v %v", len(tail), file, differ, wrong)
				}
				p.restore()
			}
		}
	})
}

func TestGarbageBetweenBatchesCostsNothing(t *testing.T) {
	both(t, 0, func(p *specimen) {
		for _, w := range p.log {
			file, at := w.at[0].file, w.at[0].from
			whole := p.files[file]
			for _, garbage := range [][]byte{{0}, make([]byte, 512), noise[:77]} {
				p.put(file, append(append(bytes.Clone(whole[:at]), garbage...), whole[at:]...))
				rep, err := store.Inspect(p.dir, store.LookOptions{Cipher: p.o.Cipher})
				if differ, wrong := p.judge(); err != nil || rep.OK() || len(differ)+len(wrong) > 0 {
					p.t.Errorf("%d octets at %d: got %v lost, %v, %v", len(garbage), at, differ, wrong, err)
				}
				p.restore()
			}
		}
	})
}
