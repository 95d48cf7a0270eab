package suite

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"packhorse/testbench/hil"
)

// upset is an air that knows what cases have done to it and not undone. One case at a time uses it.
type upset struct {
	hil.Air
	links map[link]harm
	lossy bool
}

// link is a pair of nodes.
type link struct{ x, y string }

// harm is what was done to one.
type harm struct{ cut, far bool }

// linkOf is the same in both directions.
func linkOf(x, y string) link { return link{min(x, y), max(x, y)} }

// watched is a rig whose air is watched.
type watched struct {
	hil.Rig
	air *upset
}

func (w watched) Air() hil.Air { return w.air }

// Cut is hil.Air's.
func (u *upset) Cut(ctx context.Context, x, y string, cut bool) error {
	err := u.Air.Cut(ctx, x, y, cut)
	u.did(err, linkOf(x, y), func(h *harm, failed bool) { h.cut = cut || failed && h.cut })
	return err
}

// Attenuate is hil.Air's.
func (u *upset) Attenuate(ctx context.Context, x, y string, dB float64) error {
	err := u.Air.Attenuate(ctx, x, y, dB)
	u.did(err, linkOf(x, y), func(h *harm, failed bool) { h.far = dB != base || failed && h.far })
	return err
}

// did notes what was done to a link. What has failed may have been done or not; what the rig has no means for was not done.
func (u *upset) did(err error, l link, note func(h *harm, failed bool)) {
	if _, unable := asUnable(err); unable {
		return
	}
	h := u.links[l]
	if note(&h, err != nil); h == (harm{}) {
		delete(u.links, l)
		return
	}
	u.links[l] = h
}

// Loss is hil.Air's.
func (u *upset) Loss(ctx context.Context, p float64) error {
	err := u.Air.Loss(ctx, p)
	if _, unable := asUnable(err); !unable {
		u.lossy = p > 0 || err != nil && u.lossy
	}
	return err
}

// whole tells whether nothing is to be undone.
func (u *upset) whole() bool { return len(u.links) == 0 && !u.lossy }

// mend undoes all.
func (u *upset) mend(ctx context.Context) error {
	var errs []error
	if u.lossy {
		errs = append(errs, u.Loss(ctx, 0))
	}
	for _, l := range slices.SortedFunc(maps.Keys(u.links), func(a, b link) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) }) {
		h := u.links[l]
		if h.cut {
			errs = append(errs, u.Cut(ctx, l.x, l.y, false))
		}
		if h.far {
			errs = append(errs, u.Attenuate(ctx, l.x, l.y, base))
		}
	}
	return errors.Join(errs...)
}
