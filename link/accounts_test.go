package link

import (
	"testing"
	"time"
)

// A setting whose band is used up is not proposed; another in a band with room is.
func TestNoExcursionIntoABandThatIsUsedUp(t *testing.T) {
	for _, c := range []struct {
		name string
		left time.Duration
		goes bool
	}{{"used up", 3 * time.Second, false}, {"with room", 30 * time.Second, true}} {
		w, a, b, _ := movers(t, 1, 4)
		p := a.core.ports[0]
		tell := func() {
			home := Account{Band: "home", Left: 300 * time.Second, PerHour: 360 * time.Second}
			e := PortBudget{Port: a.stations[0].port, Left: home.Left, PerHour: home.PerHour, Accounts: []Account{home}}
			for range p.rates {
				e.Accounts = append(e.Accounts, Account{Band: "away", Left: c.left, PerHour: 36 * time.Second,
					Refunds: []Refund{{At: w.now.Add(time.Hour), Air: 36*time.Second - c.left}}})
			}
			a.event(e)
		}
		tell()
		a.send(b, 60_000, Message)
		if went := w.run(time.Minute, func() bool { return p.rate != 0 }); went != c.goes {
			t.Errorf("%s: went %v, want %v", c.name, went, c.goes)
		}
	}
}

func TestAccountsOfTheSameBandAreOne(t *testing.T) {
	_, a, _, _ := movers(t, 1, 4)
	p := a.core.ports[0]
	told := []Account{{Band: "m", Left: 5, PerHour: 10}, {Band: "k", Left: 1, PerHour: 2}, {Band: "m", Left: 5, PerHour: 10}}
	a.event(PortBudget{Port: p.id, Left: 5, PerHour: 10, Accounts: told})
	p.budget.spend(a.core.now, 2)
	for rate, want := range []time.Duration{3, 1, 3} {
		if got := p.budgetOf(rate).left; got != want {
			t.Errorf("setting %d: %d left, want %d", rate, got, want)
		}
	}
	if all := p.budgets(); len(all) != 2 || all[0].left != 3 || all[1].left != 1 {
		t.Errorf("got %+v", all)
	}
	a.event(PortBudget{Port: p.id, Left: 7, PerHour: 10})
	if all := p.budgets(); len(all) != 1 || p.budgetOf(1).left != 7 {
		t.Errorf("nothing told of the others: got %+v", all)
	}
	long := make([]Account, 100)
	a.event(PortBudget{Port: p.id, Accounts: long})
	if got := len(p.accounts.of); got != maxRates+1 {
		t.Errorf("%d settings kept of 100", got)
	}
}
