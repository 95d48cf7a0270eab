//go:build linux

package sim

import (
	"context"
	"strconv"
	"time"
)

// AddMeshtastic puts a Meshtastic node on a station, which must be Bare: dir/meshtastic0 and so on.
func (r *Rig) AddMeshtastic(station int, kind Meshtastic) error {
	return r.add("meshtastic"+strconv.Itoa(station), station, meshBaud, newMeshNode(r.air, station, kind))
}

// SetMeshtastic sets a station's node anew, as its user does in the app, without a restart. False where there is none, or Run has ended.
func (r *Rig) SetMeshtastic(ctx context.Context, station int, kind Meshtastic) bool {
	known := false
	return r.Do(ctx, func(now time.Time) {
		var m *meshNode
		if p := r.modems[station]; p != nil {
			m, known = p.modem.(*meshNode)
		}
		if known {
			m.set(now, kind)
		}
	}) && known
}
