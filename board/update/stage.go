package update

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"packhorse/board/card"
)

// Step is what is being done.
type Step string

// Steps of staging, in their order.
const (
	Writing  Step = "writing"
	Checking Step = "checking"
)

// Progress hears how many octets of a step are done. It is called by the goroutine that stages and should be quick.
type Progress func(s Step, done, total int64)

// ErrCard says that the card does not hold what was written to it.
var ErrCard = errors.New("update: the card does not give back what was written to it: replace it")

// stager writes a slot.
type stager struct {
	ctx   context.Context
	dev   Device
	show  Progress
	m     Manifest
	size  int64 // of the device
	at    int64
	first [card.SectorSize]byte // held back to the end
	chunk []byte
	fill  int
}

// stage writes the payload of an update to a slot.
//
// A slot can be booted only by its first sector, the FAT's. So that one is erased and synced before anything else and
// written last, when all the rest was compared with the signed hash as read back from the card: whatever breaks off in
// between leaves a slot that the firmware passes over.
func stage(ctx context.Context, dev Device, f *File, show Progress) error {
	if show == nil {
		show = func(Step, int64, int64) {}
	}
	s := &stager{ctx: ctx, dev: dev, show: show, m: f.Manifest, chunk: make([]byte, chunkSize)}
	if err := s.begin(); err != nil {
		return err
	}
	if err := f.CopyTo(s); err != nil {
		return err
	}
	if err := errors.Join(s.flush(), s.clearRest()); err != nil {
		return err
	}
	if err := s.compare(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// From here on the slot can be booted.
	return s.firstSector(s.first[:])
}

func (s *stager) begin() (err error) {
	if s.size, err = s.dev.Size(); err != nil {
		return err
	}
	if s.m.Size > s.size {
		return fmt.Errorf("update: the system has %d octets and the slot %d", s.m.Size, s.size)
	}
	return s.firstSector(zeroes[:card.SectorSize])
}

// firstSector writes it, alone, and looks whether it is on the card: everything else relies on that.
func (s *stager) firstSector(b []byte) error {
	if err := s.put(b, 0); err != nil {
		return err
	}
	r, err := s.dev.Fresh()
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := s.chunkOf(r, 0)
	if err == nil && !bytes.Equal(got[:len(b)], b) {
		err = fmt.Errorf("%w (its first sector)", ErrCard)
	}
	return err
}

// put is a write that is on the card when it answers.
func (s *stager) put(b []byte, at int64) error {
	if _, err := s.dev.WriteAt(b, at); err != nil {
		return err
	}
	return s.dev.Sync()
}

// Write takes the slot as it comes.
func (s *stager) Write(p []byte) (n int, err error) {
	for n < len(p) {
		some := copy(s.chunk[s.fill:], p[n:])
		n, s.fill = n+some, s.fill+some
		if s.fill == len(s.chunk) {
			if err := s.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// flush writes a chunk, of the first one all but its first sector.
func (s *stager) flush() error {
	if err := s.ctx.Err(); err != nil || s.fill == 0 {
		return err
	}
	b, at := s.chunk[:s.fill], s.at
	if at == 0 {
		copy(s.first[:], b)
		b, at = b[card.SectorSize:], card.SectorSize
	}
	if _, err := s.dev.WriteAt(b, at); err != nil {
		return err
	}
	s.at, s.fill = s.at+int64(s.fill), 0
	s.show(Writing, s.at, s.m.Size)
	// The kernel takes everything at once and a card does not: without this, progress would be that of memory.
	return s.dev.Sync()
}

// clearRest writes zeros where a system was before and the new one has none. The files of a slot may end there, in
// zeros of their own. Sectors that are zero already are not worn.
func (s *stager) clearRest() error {
	buf := make([]byte, 64<<10)
	for at := s.m.Size; at < s.size; at += int64(len(buf)) {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		buf = buf[:min(int64(len(buf)), s.size-at)]
		if _, err := s.dev.ReadAt(buf, at); err != nil && err != io.EOF {
			return err
		}
		if !allZero(buf) {
			if _, err := s.dev.WriteAt(zeroes[:len(buf)], at); err != nil {
				return err
			}
		}
	}
	return s.dev.Sync()
}

// compare reads the slot back. Only the first sector is not there yet.
func (s *stager) compare() error {
	r, err := s.dev.Fresh()
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	for at := int64(0); at < s.size; at += chunkSize {
		b, err := s.chunkOf(r, at)
		if err = errors.Join(s.ctx.Err(), err); err != nil {
			return err
		}
		if at == 0 {
			if !allZero(b[:card.SectorSize]) {
				return fmt.Errorf("%w (its first sector)", ErrCard)
			}
			copy(b, s.first[:])
		}
		own := min(max(s.m.Size-at, 0), int64(len(b)))
		sum.Write(b[:own])
		if !allZero(b[own:]) {
			return fmt.Errorf("%w (after octet %d)", ErrCard, at+own)
		}
		s.show(Checking, at+int64(len(b)), s.size)
	}
	if !is(sum, s.m.SHA256) {
		return ErrCard
	}
	return nil
}

func (s *stager) chunkOf(r io.ReaderAt, at int64) ([]byte, error) {
	n, err := r.ReadAt(s.chunk, at)
	if want := min(s.size-at, chunkSize); int64(n) < want {
		return nil, fmt.Errorf("%w (octet %d: %v)", ErrCard, at+int64(n), err)
	}
	return s.chunk[:n], nil
}
