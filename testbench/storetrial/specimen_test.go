package storetrial

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"packhorse/store"
)

const snapshot = "snapshot"

// specimen is a small store of several buckets, made to be spoiled and restored again and again. Nothing in
// it is dead enough to be moved, so that where each batch lies is known.
type specimen struct {
	t     *testing.T
	dir   string
	o     store.Options
	files map[string][]byte
	log   []written
	m     model
	past  map[name][]held // all that was ever put
	// vouched says that the snapshot of a clean end is there: it tells what the log must hold.
	vouched bool
	tries   int
}

// written is a batch, where it lies, and what the store held with it.
type written struct {
	changes []change
	at      []stretch
	after   model
}

// stretch is a part of a file.
type stretch struct {
	file     string
	from, to int
}

func (s stretch) meets(o stretch) bool { return s.file == o.file && s.from < o.to && o.from < s.to }

func newSpecimen(t *testing.T, key byte, vouched bool, large int) *specimen {
	p := &specimen{t: t, vouched: vouched, dir: place(t), o: store.Options{Reserve: -1, BucketBytes: 500}, m: model{}, past: map[name][]held{}}
	if key != 0 {
		p.o.Cipher, p.o.BucketBytes = seal(t, key), 1000
	}
	s := p.open()
	d := newDraw(7, 7)
	for i := range 16 {
		changes := p.batch(d, i)
		if i == 9 && large > 0 {
			changes = append(changes, change{name: name{0, "large"}, held: held{d.numbers + 1, large}})
			d.numbers++
		}
		p.write(s, changes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !vouched {
		p.remove(snapshot)
	}
	p.files = p.read()
	p.bound()
	if n, _ := strconv.ParseUint(p.newest(), 10, 64); n>>32 < 4 || int(n>>32) != len(p.names()) {
		t.Fatalf("got %v, want several buckets, and none gone", p.names())
	}
	return p
}

// batch puts two values, and now and then replaces or deletes an earlier one.
func (p *specimen) batch(d *draw, i int) (changes []change) {
	put := func(key string, size int) {
		d.numbers++
		changes = append(changes, change{name: name{store.Kind(i % 3), key}, held: held{d.numbers, size}})
	}
	put(say("a%d", i), d.IntN(90))
	put(say("b%d", i), d.IntN(20))
	switch {
	case i%8 == 6:
		changes = append(changes, change{name: name{store.Kind((i - 3) % 3), say("b%d", i-3)}, delete: true})
	case i%8 == 7:
		d.numbers++
		changes = append(changes, change{name: name{store.Kind((i - 5) % 3), say("b%d", i-5)}, held: held{d.numbers, 30}})
	}
	return changes
}

func (p *specimen) write(s *store.Store, changes []change) {
	before := p.read()
	if err := s.Apply(opsOf(changes)...); err != nil {
		p.t.Fatal(err)
	}
	p.m.apply(changes)
	w := written{changes: changes, after: maps.Clone(p.m)}
	for file, b := range p.read() {
		if file == snapshot {
			continue
		}
		if from := grown(before[file], b); from >= 0 {
			w.at = append(w.at, stretch{file, from, len(b)})
		}
	}
	p.log = append(p.log, w)
	for _, c := range changes {
		if !c.delete {
			p.past[c.name] = append(p.past[c.name], c.held)
		}
	}
}

// grown is where a file holds more than it did, zeros apart, or -1.
func grown(before, after []byte) int {
	for i, b := range after {
		if i >= len(before) && b != 0 || i < len(before) && b != before[i] {
			return i
		}
	}
	return -1
}

// bound ends each stretch where the next in its file begins: ahead of what is written a store puts zeros.
func (p *specimen) bound() {
	end := map[string]int{}
	for file, b := range p.files {
		end[file] = len(b)
	}
	for i := range slices.Backward(p.log) {
		for j := range p.log[i].at {
			at := &p.log[i].at[j]
			at.to, end[at.file] = end[at.file], at.from
		}
	}
}

func (p *specimen) open() *store.Store {
	p.t.Helper()
	s, err := store.Open(p.dir, p.o)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// read is what is in the directory, the lock apart.
func (p *specimen) read() map[string][]byte {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Name() == "LOCK" || e.IsDir() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(p.dir, e.Name())); err != nil {
			p.t.Fatal(err)
		}
	}
	return files
}

// names lists the buckets, the newest last.
func (p *specimen) names() (out []string) {
	for file := range p.files {
		if file != snapshot {
			out = append(out, file)
		}
	}
	slices.Sort(out)
	return out
}

func (p *specimen) newest() string { return p.names()[len(p.names())-1] }

// put gives a file other octets.
func (p *specimen) put(file string, b []byte) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, file), b, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *specimen) remove(file string) {
	p.t.Helper()
	if err := os.RemoveAll(filepath.Join(p.dir, file)); err != nil {
		p.t.Fatal(err)
	}
}

// restore makes the directory what it was.
func (p *specimen) restore() {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := p.files[e.Name()]; !ok {
			p.remove(e.Name())
		}
	}
	for file, b := range p.files {
		if now, err := os.ReadFile(filepath.Join(p.dir, file)); err != nil || !bytes.Equal(now, b) {
			p.put(file, b)
		}
	}
}

// tail tells whether what is hurt reaches from some batch to the last without a good one between. That cannot be
// told from a write that a power cut tore.
func (p *specimen) tail(hurt ...stretch) bool {
	met := false
	for _, w := range p.log {
		if slices.ContainsFunc(hurt, w.meets) {
			met = true
		} else if met {
			return false
		}
	}
	return true
}

// before tells whether a stretch begins before the end of the store.
func (p *specimen) before(h stretch) bool {
	return h.file != p.newest() || h.from < len(p.files[h.file])
}

func (w written) meets(h stretch) bool { return slices.ContainsFunc(w.at, h.meets) }

// touched lists the names whose present value, or absence, was in what is hurt.
func (p *specimen) touched(hurt ...stretch) map[name]bool {
	in := map[name]bool{}
	for _, w := range p.log {
		hit := slices.ContainsFunc(hurt, w.meets)
		for _, c := range w.changes {
			in[c.name] = hit
		}
	}
	return in
}

// judge opens what was spoiled. Names out of reach must be as they were; the others may be gone or hold an
// older value of their own, never anything else. It answers the names that differ.
func (p *specimen) judge(hurt ...stretch) (differ []name, wrong []string) {
	rep, err := store.Inspect(p.dir, store.LookOptions{Cipher: p.o.Cipher})
	if err != nil {
		return nil, []string{say("Inspect: %v", err)}
	}
	s, err := store.Open(p.dir, p.o)
	if err != nil {
		return nil, []string{say("Open: %v", err)}
	}
	differ, wrong = p.compare(s, hurt)
	wrong = append(wrong, p.noticed(rep, s, differ, hurt)...)
	if p.tries++; p.tries%16 == 0 {
		p.goesOn(s)
	}
	s.Abandon()
	return differ, wrong
}

// noticed judges what is said of the damage. A store that was opened by its snapshot has not read everything.
func (p *specimen) noticed(rep *store.Report, s *store.Store, differ []name, hurt []stretch) (wrong []string) {
	st := s.Stats()
	damaged, torn := len(rep.Damage) > 0, rep.Torn > 0
	if !p.vouched && (damaged != (st.Damaged > 0) || torn != (st.Repairs > 0)) || p.vouched && !damaged && st.Damaged > 0 {
		wrong = append(wrong, say("Inspect found %+v torn %d, Open %d and %d", rep.Damage, rep.Torn, st.Damaged, st.Repairs))
	}
	if len(hurt)+len(differ) > 0 && !damaged && !torn && (p.vouched || !p.unwritten(s, hurt[0])) {
		wrong = append(wrong, "nothing was noticed")
	}
	if torn && !damaged && !p.whole(s) {
		wrong = append(wrong, "a torn batch is there in part")
	}
	if p.vouched && len(differ) > 0 && st.Damaged == 0 {
		wrong = append(wrong, say("%v differ and nothing is counted", differ))
	}
	if !damaged && (p.vouched && slices.ContainsFunc(hurt, p.before) || !p.tail(hurt...)) {
		wrong = append(wrong, say("damage before a good batch: got no damage and %d octets torn", rep.Torn))
	}
	return wrong
}

// whole tells whether the store is what it was after one of its batches, or before the first.
func (p *specimen) whole(s *store.Store) bool {
	return len(model{}.compare(s)) == 0 || slices.ContainsFunc(p.log, func(w written) bool { return len(w.after.compare(s)) == 0 })
}

// goesOn writes to a store that was spoiled: that lasts as ever, and what else is there stays what it is.
func (p *specimen) goesOn(s *store.Store) {
	p.t.Helper()
	before := model{name{3, "later"}: {5000, 40}}
	for n, past := range p.past {
		for _, h := range past {
			if got, err := s.Get(n.kind, n.key); err == nil && h.is(got) {
				before[n] = h
			}
		}
	}
	if err := s.Apply(opsOf([]change{{name: name{3, "later"}, held: before[name{3, "later"}]}})...); err != nil {
		p.t.Errorf("to go on: %v", err)
	}
	s.Abandon()
	s = p.open()
	for n := range before {
		if wrong := before.compareOne(s, n); len(wrong) > 0 {
			p.t.Errorf("after going on: %s", wrong[0])
		}
	}
	s.Abandon()
}

// unwritten tells whether the store is what it was before the batches from a stretch on: nothing shows that they
// were ever written.
func (p *specimen) unwritten(s *store.Store, from stretch) bool {
	return p.tail(from) && len(p.until(from.file, from.from).compare(s)) == 0
}

func (p *specimen) compare(s *store.Store, hurt []stretch) (differ []name, wrong []string) {
	touched := p.touched(hurt...)
	for n := range p.past {
		if len(p.m.compareOne(s, n)) == 0 {
			continue
		}
		differ = append(differ, n)
		if why := p.excuse(s, n); why != "" || !touched[n] {
			wrong = append(wrong, say("%d, %q differs, touched: %v %s", n.kind, n.key, touched[n], why))
		}
	}
	return differ, wrong
}

// excuse is empty when a value that differs is gone or an older one. With a snapshot it is known to be damaged.
func (p *specimen) excuse(s *store.Store, n name) string {
	got, err := s.Get(n.kind, n.key)
	if errors.Is(err, store.ErrDamaged) || !p.vouched && errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err == nil && !p.vouched && slices.ContainsFunc(p.past[n], func(h held) bool { return h.is(got) }) {
		return ""
	}
	return say("got %d octets that nobody put, %v", len(got), err)
}
