package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"packhorse/board/card"
)

// errDown is what a device answers after the power failed.
var errDown = errors.New("no power")

// fakeDevice is a card with a cache: a write is on the card after Sync, and before that perhaps, in parts. After so
// many writes and syncs its power fails.
type fakeDevice struct {
	card  []byte // what is there after a power cut
	now   []byte // what the kernel shows
	late  []pendingWrite
	ops   int // that it has done
	limit int // that it does; negative: no limit
	lie   int // the write that a bad card forgets, counted from 1
	wrote int // writes so far
	torn  *rand.Rand
}

type pendingWrite struct {
	data []byte
	at   int64
}

func newFakeDevice(size int, limit int, seed uint64) *fakeDevice {
	before := another()[:size]
	return &fakeDevice{card: bytes.Clone(before), now: bytes.Clone(before), limit: limit, torn: rand.New(rand.NewPCG(seed, 1))}
}

// another is another system, which could be booted.
var another = sync.OnceValue(func() []byte {
	b := make([]byte, slotSize)
	for i := range b {
		b[i] = byte(i>>9) | 1
	}
	return b
})

// step is one write or sync; false: the power is gone.
func (d *fakeDevice) step() bool {
	if d.limit >= 0 && d.ops >= d.limit {
		return false
	}
	d.ops++
	return true
}

func (d *fakeDevice) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > int64(len(d.now)) {
		return 0, io.ErrShortWrite
	}
	w := pendingWrite{bytes.Clone(p), at}
	d.wrote++
	if d.wrote != d.lie {
		d.late = append(d.late, w)
	}
	if !d.step() {
		return 0, errDown
	}
	copy(d.now[at:], p)
	return len(p), nil
}

func (d *fakeDevice) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(d.now).ReadAt(p, at)
}

func (d *fakeDevice) Sync() error {
	if !d.step() {
		return errDown
	}
	for _, w := range d.late {
		copy(d.card[w.at:], w.data)
	}
	d.late = nil
	return nil
}

func (d *fakeDevice) Size() (int64, error)        { return int64(len(d.now)), nil }
func (d *fakeDevice) Close() error                { return nil }
func (d *fakeDevice) Fresh() (FreshReader, error) { return onCard{bytes.NewReader(d.card)}, nil }

type onCard struct{ *bytes.Reader }

func (onCard) Close() error { return nil }

// cut is what is on the card after the power failed: of what was not synced, any sectors in any order.
func (d *fakeDevice) cut() []byte {
	for _, w := range d.late {
		for at := 0; at < len(w.data); at += card.SectorSize {
			if d.torn.IntN(2) == 0 {
				copy(d.card[int(w.at)+at:], w.data[at:min(at+card.SectorSize, len(w.data))])
			}
		}
	}
	return d.card
}

// bootable is what the firmware looks at first.
func bootable(slot []byte) bool { return !allZero(slot[:card.SectorSize]) }

// whole is a slot with the octets of an update and zeros to its end, as it must be.
func whole(slot []byte, size int) []byte {
	return append(bytes.Clone(slot), make([]byte, size-len(slot))...)
}

const slotSize = 2*chunkSize + 7*card.SectorSize

func stageOn(ctx context.Context, d Device, file []byte, k Keys, show Progress) error {
	f, err := Open(bytes.NewReader(file), k)
	if err != nil {
		return err
	}
	return stage(ctx, d, f, show)
}

// TestPowerCutsWhileStaging cuts the power at each write and sync: what the firmware would boot is whole.
func TestPowerCutsWhileStaging(t *testing.T) {
	s, slot := newSigner(t, 1), slotOf(1)
	file, want := updateOf(t, next, slot, s), whole(slot, slotSize)
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for limit := 0; ; limit++ {
		for seed := range seeds {
			d := newFakeDevice(slotSize, limit, seed)
			before := bytes.Clone(d.card)
			err := stageOn(t.Context(), d, file, s.keys(), nil)
			got := d.cut()
			if err == nil {
				if !bytes.Equal(got, want) {
					t.Fatal("staged, and the slot is not whole")
				}
				if limit < 10 {
					t.Errorf("%d writes and syncs were enough", limit)
				}
				return
			}
			if !errors.Is(err, errDown) {
				t.Fatalf("after %d: %v", limit, err)
			}
			if bootable(got) && !bytes.Equal(got, want) && !bytes.Equal(got, before) {
				t.Fatalf("after %d writes and syncs, seed %d: half a system would be booted", limit, seed)
			}
		}
	}
}

// TestCardsThatForgetAreNoticed lets one write get lost, as worn cards and forged ones do.
func TestCardsThatForgetAreNoticed(t *testing.T) {
	s, slot := newSigner(t, 1), slotOf(1)
	file := updateOf(t, next, slot, s)
	honest := newFakeDevice(slotSize, -1, 0)
	if err := stageOn(t.Context(), honest, file, s.keys(), nil); err != nil {
		t.Fatal(err)
	}
	for lie := 1; lie <= honest.wrote; lie++ {
		d := newFakeDevice(slotSize, -1, 0)
		d.lie = lie
		before := bytes.Clone(d.card)
		if err := stageOn(t.Context(), d, file, s.keys(), nil); !errors.Is(err, ErrCard) {
			t.Errorf("write %d of %d was lost: got %v", lie, honest.wrote, err)
		}
		if got := d.cut(); bootable(got) && !bytes.Equal(got, before) {
			t.Errorf("write %d of %d was lost: half a system would be booted", lie, honest.wrote)
		}
	}
}

// TestBadFilesLeaveNothingThatBoots stages files that turn out bad after all was written.
func TestBadFilesLeaveNothingThatBoots(t *testing.T) {
	s, slot := newSigner(t, 1), slotOf(1)
	payload := gzipped(slot)
	otherHash := manifestOf(slot, payload)
	otherHash.SHA256 = hashed(nil)
	short := manifestOf(slot, payload)
	short.Size -= card.SectorSize
	good := archived(t, s.signed(t, manifestOf(slot, payload), payload)...)
	for name, file := range map[string][]byte{
		"hash":      archived(t, s.signed(t, otherHash, payload)...),
		"size":      archived(t, s.signed(t, short, payload)...),
		"cut":       good[:len(good)-2000],
		"no end":    good[:len(good)-1024],
		"after end": append(bytes.Clone(good), 1),
	} {
		d := newFakeDevice(slotSize, -1, 0)
		if err := stageOn(t.Context(), d, file, s.keys(), nil); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
		if bootable(d.cut()) {
			t.Errorf("%s: the slot would be booted", name)
		}
	}
	d := newFakeDevice(len(slot)-card.SectorSize, -1, 0)
	if err := stageOn(t.Context(), d, good, s.keys(), nil); err == nil || d.ops > 0 {
		t.Errorf("a slot that is too small: got %v after %d writes", err, d.ops)
	}
}

func TestStagingTellsHowFarItIs(t *testing.T) {
	s, slot := newSigner(t, 1), slotOf(1)
	file := updateOf(t, next, slot, s)
	var said []string
	show := func(step Step, done, total int64) { said = append(said, fmt.Sprint(step, " ", done, "/", total)) }
	if err := stageOn(t.Context(), newFakeDevice(slotSize, -1, 0), file, s.keys(), show); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint([]string{"writing 1048576/1571840", "writing 1571840/1571840",
		"checking 1048576/2100736", "checking 2097152/2100736", "checking 2100736/2100736"})
	if got := fmt.Sprint(said); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStagingEndsWithItsContext(t *testing.T) {
	s, slot := newSigner(t, 1), slotOf(1)
	file := updateOf(t, next, slot, s)
	for stop := 1; stop <= 5; stop++ {
		ctx, cancel := context.WithCancel(t.Context())
		said := 0
		d := newFakeDevice(slotSize, -1, 0)
		err := stageOn(ctx, d, file, s.keys(), func(Step, int64, int64) {
			if said++; said == stop {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) || bootable(d.cut()) {
			t.Errorf("stopped at %d: got %v, bootable: %v", stop, err, bootable(d.card))
		}
	}
}
