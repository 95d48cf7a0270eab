package gateway

import "packhorse/gateway/pki"

// names keeps one copy of each endpoint id, of which many parcels have the same.
type names map[pki.NodeID]*name

type name struct {
	id   pki.NodeID
	uses int
}

// share replaces an id by the copy that is kept of it.
func (t names) share(id *pki.NodeID) {
	k := t[*id]
	if k == nil {
		k = &name{id: *id}
		t[k.id] = k
	}
	k.uses++
	*id = k.id
}

// drop ends one use.
func (t names) drop(id pki.NodeID) {
	if k := t[id]; k != nil {
		if k.uses--; k.uses == 0 {
			delete(t, id)
		}
	}
}
