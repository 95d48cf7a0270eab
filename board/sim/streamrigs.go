//go:build linux

package sim

import "strconv"

const kissBaud = 9600

// AddKISS puts a KISS TNC with its transceiver on a station: dir/kiss0 and so on. Where the air tells when it is busy
// (radio/sim.Air does), the TNC waits for a free channel.
func (r *Rig) AddKISS(station int, t TNC) error {
	return r.add("kiss"+strconv.Itoa(station), station, kissBaud, newTNC(r.air, station, t))
}

const sikBaud = 57600

// AddSiK puts a SiK radio on a station: dir/sik0 and so on. Radios understand each other in pairs of one network.
func (r *Rig) AddSiK(station int, s SiK) error {
	return r.add("sik"+strconv.Itoa(station), station, sikBaud, newSiK(r.air, station, s))
}
