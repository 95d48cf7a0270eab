package link

import (
	"cmp"
	"slices"
	"time"
)

// bandBudgets are what the law leaves in the sub-bands of a port's settings, as the shell told it last.
type bandBudgets struct {
	bands []string // without repeats
	of    []int    // of each setting, as in Tune
	each  []budget // of each band
}

func (a *bandBudgets) set(told []Account) {
	told = told[:min(len(told), maxRates+1)]
	a.bands, a.of = a.bands[:0], a.of[:0]
	for _, t := range told {
		i := slices.Index(a.bands, t.Band)
		if i < 0 {
			i = len(a.bands)
			a.bands = append(a.bands, t.Band)
			if i == len(a.each) {
				a.each = append(a.each, budget{})
			}
			a.each[i].set(PortBudget{Left: t.Left, PerHour: t.PerHour, Refunds: t.Refunds})
		}
		a.of = append(a.of, i)
	}
	a.each = a.each[:len(a.bands)]
}

// accountOf is the number of a setting's account; those that nobody told of share the common one's.
func (p *port) accountOf(rate int) int {
	if rate < len(p.accounts.of) {
		return p.accounts.of[rate]
	}
	return 0
}

// budgetOf is what the law leaves in a setting.
func (p *port) budgetOf(rate int) *budget {
	switch at := p.accountOf(rate); {
	case at == p.accountOf(p.rate) && (len(p.accounts.of) > 0 || p.rate == 0):
		return &p.budget // counts what was handed out since
	case len(p.accounts.of) == 0:
		return &p.homeBudget
	default:
		return &p.accounts.each[at]
	}
}

// budgets are copies of all accounts, by their numbers.
func (p *port) budgets() []budget {
	all := make([]budget, max(1, len(p.accounts.each)))
	for rate := range max(1, len(p.accounts.of)) {
		b := *p.budgetOf(rate)
		b.refunds = slices.Clone(b.refunds)
		all[p.accountOf(rate)] = b
	}
	return all
}

// exhausted reports whether the law leaves too little in a setting to go there for so much airtime.
func (c *Core) exhausted(p *port, rate int, took time.Duration) bool {
	r, b := p.rates[rate-1], p.budgetOf(rate)
	frame := r.Airtime(r.MTU)
	return b.perHour > 0 && (b.lacks(c.now, Bulk, frame) || b.left-b.floor(Bulk, frame) < min(took, reserveFrames*frame))
}

// way is a setting by which what is left may go.
type way struct {
	account int
	scale   float64       // of airtime as airLeft reckons it
	frame   time.Duration // airtime of the longest
}

// waysOf are those of a transfer, the best first, the common setting last. A setting that failed of late is avoided for a
// shorter time than a forecast looks ahead, so it counts.
func (c *Core) waysOf(o *outgoing) []way {
	p := o.path.port
	now := float64(max(1, p.full()))
	with := func(rate int, r Rate) way {
		frame := r.Airtime(r.MTU)
		return way{p.accountOf(rate), float64(frame) / now, frame}
	}
	home := with(0, p.common)
	if o.group.cast != nil || o.item.Priority == Emergency || o.path.moves.never {
		return []way{home}
	}
	var all []way
	detour := 1 + float64(p.moving())/float64(spanAlone)
	for i, r := range p.rates {
		w := with(i+1, r)
		if w.scale *= detour; p.rate == i+1 && p.away == o.path || o.path.moves.reaches(i, r) && w.scale < worthMoving*home.scale {
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b way) int { return cmp.Compare(a.scale, b.scale) })
	return append(all, home)
}
