package clouds

import (
	"math/rand/v2"
	"testing"
)

// Two people behind two private gateways, each registered with an Internet gateway of its own: parcels and answers cross
// while each of the six processes restarts, while nobody answers PoHTTP, and when one Internet gateway is gone for its
// private gateway, which goes to its second choice.
func TestParcelsCrossTheInternet(t *testing.T) {
	t.Parallel()
	w := newInternet(t, "a.example", "b.example")
	a, b := w.clouds["a.example"], w.clouds["b.example"]
	left, right := w.private("left", "a.example", "b.example"), w.private("right", "b.example")
	ann, ben := newPerson(t, "ann", left), newPerson(t, "ben", right)
	ann.knows(ben.app)
	ben.knows(ann.app)
	restarts := []func(){a.restart, b.restart, ann.reopen, ben.reopen,
		func() { ann.stop(); left.restart(); ann.open() }, func() { ben.stop(); right.restart(); ben.open() }}
	var toAnn, toBen []string
	luck := rand.New(seeded("restarts", 1))
	for _, i := range luck.Perm(len(restarts)) {
		toBen, toAnn = append(toBen, ann.post(ben)), append(toAnn, ben.post(ann))
		restarts[i]()
	}
	ben.await(toBen...)
	ann.await(toAnn...)

	mark := a.log.end()
	b.fronts["PoHTTP"].point("")
	id := ann.post(ben)
	a.log.await(t, mark, "a parcel waits", "b.example")
	b.fronts["PoHTTP"].point(b.role.Addr("PoHTTP"))
	ben.await(id)

	mark = left.log.end()
	a.fronts["PoWeb"].point("")
	left.log.await(t, mark, "connection to an Internet gateway", "b.example", "live=true")
	ben.await(ann.post(ben))
	for _, p := range []*person{ann, ben} {
		p.stop()
		p.open()
		if len(p.got) > 0 {
			t.Errorf("%d parcels came again to %s", len(p.got), p.name)
		}
	}
}
