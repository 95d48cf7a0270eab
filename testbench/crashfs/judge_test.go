//go:build linux

package crashfs

import (
	"bytes"
	"errors"
	"fmt"

	"packhorse/store"
)

// getter is what judging needs of a store.
type getter interface {
	Get(kind store.Kind, key string) ([]byte, error)
}

// sight is what a store answers for the keys of a writer.
type sight map[name]answer

type answer struct {
	value []byte
	err   error
}

func observe(s getter, writer int) sight {
	out := sight{}
	for n := range keysOfWriter {
		n := nameOf(writer, n)
		v, err := s.Get(n.kind, n.key)
		out[n] = answer{v, err}
	}
	return out
}

func (a answer) is(m model, n name) bool {
	v, there := m[n]
	if !there {
		return errors.Is(a.err, store.ErrNotFound)
	}
	return a.err == nil && bytes.Equal(a.value, v)
}

func (s sight) differences(m model) (out []name) {
	for n, a := range s {
		if !a.is(m, n) {
			out = append(out, n)
		}
	}
	return out
}

// verdict counts what images showed.
type verdict struct {
	images, bad int // bad have at least one fault
	checked     int // keys whose last acknowledged change was looked for
	repairs     int // torn tails that Open cut off
	begun       int // batches that were found though not acknowledged

	lost     int // acknowledged values that are not there
	altered  int // values with other octets, or unreadable
	returned int // values that were deleted, or never acknowledged with what is there
	split    int // batches of which a part is there
	damaged  int // stores that do not open, or take no write
	alarms   int // damage that Check or Open tells of, and nothing acknowledged is missing
	faults   []string
}

const maxFaults = 10

func (v *verdict) fault(count *int, format string, a ...any) {
	*count++
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, fmt.Sprintf(format, a...))
	}
}

func (v *verdict) found() int { return v.lost + v.altered + v.returned + v.split + v.damaged }

func (v *verdict) add(o verdict) {
	v.images += o.images
	v.checked += o.checked
	v.repairs += o.repairs
	v.begun += o.begun
	v.lost += o.lost
	v.altered += o.altered
	v.returned += o.returned
	v.split += o.split
	v.damaged += o.damaged
	v.alarms += o.alarms
	if o.found() > 0 {
		v.bad++
	}
	for _, f := range o.faults {
		if len(v.faults) < maxFaults {
			v.faults = append(v.faults, f)
		}
	}
}

func (v verdict) String() string {
	return fmt.Sprintf("%d images, %d acknowledged records checked, %d torn tails repaired, %d unacknowledged batches whole: "+
		"%d lost, %d altered, %d came back, %d batches in part, %d stores broken, %d false alarms; %d images bad",
		v.images, v.checked, v.repairs, v.begun, v.lost, v.altered, v.returned, v.split, v.damaged, v.alarms, v.bad)
}

// writer judges one writer's records and tells which of the two models holds.
func (v *verdict) writer(seen sight, w want) model {
	v.checked += len(seen)
	wrong := seen.differences(w.sure)
	if len(wrong) == 0 {
		return w.sure
	}
	if w.maybe != nil && len(seen.differences(w.maybe)) == 0 {
		v.begun++
		return w.maybe
	}
	split := true
	for _, n := range wrong {
		if w.maybe == nil || !seen[n].is(w.maybe, n) {
			split = false
			v.record(n, seen[n], w.sure[n])
		}
	}
	if split {
		v.fault(&v.split, "of the batch that was begun a part is there, and not %v", seen.differences(w.maybe))
	}
	return w.sure
}

func (v *verdict) record(n name, a answer, want []byte) {
	switch {
	case want == nil:
		v.fault(&v.returned, "%v: got %d octets, %v; want it deleted", n, len(a.value), a.err)
	case errors.Is(a.err, store.ErrNotFound):
		v.fault(&v.lost, "%v: lost, %d octets", n, len(want))
	default:
		v.fault(&v.altered, "%v: got %d octets, %v; want %d others", n, len(a.value), a.err, len(want))
	}
}
