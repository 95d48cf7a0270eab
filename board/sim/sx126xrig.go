//go:build linux

package sim

// AddSX126x puts a chip on a station, which the air must hold for one. Its state is the rig's: its port and lines
// wait for Run, and after Run no chip answers. Before Run only.
func (r *Rig) AddSX126x(station int, o SX126xOpts) (*SX126x, error) {
	c := newSX126xOnBoard(r.ether, station, o)
	if err := r.addChip(station, c.chipSeat); err != nil {
		return nil, err
	}
	return c, nil
}
