//go:build linux

package sim

import "strconv"

// AddMeshtastic puts a Meshtastic node on a station, which must be Bare: dir/meshtastic0 and so on.
func (r *Rig) AddMeshtastic(station int, kind Meshtastic) error {
	return r.add("meshtastic"+strconv.Itoa(station), station, meshBaud, newMeshNode(r.air, station, kind))
}
