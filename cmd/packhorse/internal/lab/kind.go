//go:build linux

package lab

import (
	"fmt"
	"strings"

	boardsim "packhorse/board/sim"
	"packhorse/radio/sim"
)

// Kinds are the modems that an air can have, as the configuration calls them. All modems of an air are of one kind.
var Kinds = []string{"rnode", "kiss", "sik", "e22", "meshtastic"}

// The settings of modems that are not set by us: those of the examples in docs/CONFIG.md.
var (
	tnc = boardsim.TNC{FrequencyHz: 433_500_000, BandwidthHz: 12_500, BitRate: 1200}
	// 9.6k, channel 17, 13 dBm, LBT, and the signal strength behind each packet.
	stick = boardsim.E22{Registers: [9]byte{3: 0x64, 4: 0x02, 5: 17, 6: 0x93}}
	node  = boardsim.Meshtastic{Region: 1, Preset: 8} // US, ShortTurbo
)

// stations of a kind, with nothing on them yet.
func stations(kind string, n int) []sim.Station {
	all := make([]sim.Station, n)
	for i := range all {
		if kind != "" && kind != "rnode" {
			all[i].Modem = sim.Bare
		}
	}
	return all
}

// add puts a modem on a station.
func add(r *boardsim.Rig, kind string, station int) error {
	switch seed := uint64(station); kind {
	case "", "rnode":
		return r.AddRNode(station)
	case "kiss":
		t := tnc
		t.Seed = seed
		return r.AddKISS(station, t)
	case "sik":
		return r.AddSiK(station, boardsim.SiK{Board: 915, Seed: seed})
	case "e22":
		return r.AddE22(station, stick)
	case "meshtastic":
		m := node
		m.Seed = seed
		return r.AddMeshtastic(station, m)
	}
	return fmt.Errorf("%q is no kind of modem: use %s", kind, strings.Join(Kinds, ", "))
}
