package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"packhorse/board"
	"packhorse/radio/phy"
)

// Radio is one radio. A zero (of pointers: nil) means that the region's plan, the board or the kind decides;
// AntennaGainDBi is never nil once loaded, and Kind is empty only where Board is Auto.
type Radio struct {
	Name            string   `toml:"name"`
	Kind            string   `toml:"kind"`
	Board           string   `toml:"board"`
	Port            string   `toml:"port"`
	Baud            int      `toml:"baud"`
	Module          string   `toml:"module"`
	FrequencyHz     uint32   `toml:"frequency_hz"`
	BandwidthHz     uint32   `toml:"bandwidth_hz"`
	SpreadingFactor uint8    `toml:"spreading_factor"`
	CodingRate      uint8    `toml:"coding_rate"`
	Preset          string   `toml:"preset"`
	BitRate         uint32   `toml:"bit_rate"`
	Channels        int      `toml:"channels"`
	SpanHz          uint32   `toml:"span_hz"`
	NetID           uint16   `toml:"net_id"`
	PowerDBm        *int     `toml:"power_dbm"`
	AntennaGainDBi  *float64 `toml:"antenna_gain_dbi"`
	CableLossDB     float64  `toml:"cable_loss_db"`
	Rates           string   `toml:"rates"`
	RNodeCompatible *bool    `toml:"rnode_compatible"` // nil: true
	Callsign        string   `toml:"callsign"`
	LicenceFree     bool     `toml:"licence_free"`
	RSSIHalved      bool     `toml:"rssi_halved"`
	Trace           string   `toml:"trace"`
	TraceMaxBytes   int64    `toml:"trace_max_bytes"`
}

// Kinds of radio.
const (
	RNode      = "rnode"
	SX127x     = board.KindSX127x
	SX126x     = board.KindSX126x
	KISS       = "kiss"
	SiK        = "sik"
	EByte      = board.KindEByte
	Meshtastic = "meshtastic"
)

// Kinds is all of them.
var Kinds = []string{RNode, SX127x, SX126x, KISS, SiK, EByte, Meshtastic}

// Auto is the board that is plugged in, whatever it is.
const Auto = "auto"

// Values of Radio.Rates.
const (
	RatesAuto = "auto"
	RatesOff  = "off"
)

// Modules are the Ebyte modules that are known.
var Modules = []string{"e22-900t22", "e22-900t30", "e22-400t22", "e22-400t30", "e32-868t20", "e32-868t30", "e32-915t20", "e32-915t30", "e32-433t20", "e32-433t30"}

// SpeaksRNode tells whether a chip speaks with RNodes.
func (r Radio) SpeaksRNode() bool { return r.RNodeCompatible == nil || *r.RNodeCompatible }

// LoRa tells a kind whose modulation is configured as LoRa.
func LoRa(kind string) bool { return kind == RNode || OnBoard(kind) || kind == "" }

// OnBoard tells a kind that is a chip on a board.
func OnBoard(kind string) bool { return kind == SX127x || kind == SX126x }

// keysOfKind are the keys that only some kinds have.
var keysOfKind = map[string][]string{
	"board": {SX127x, SX126x, EByte}, "port": {RNode, KISS, SiK, EByte, Meshtastic}, "baud": {KISS, SiK, EByte}, "module": {EByte},
	"bandwidth_hz": {RNode, SX127x, SX126x, KISS}, "spreading_factor": {RNode, SX127x, SX126x}, "coding_rate": {RNode, SX127x, SX126x},
	"rates": {RNode, SX127x, SX126x}, "preset": {Meshtastic}, "bit_rate": {KISS, SiK, EByte}, "channels": {SiK}, "span_hz": {SiK}, "net_id": {SiK},
	"rnode_compatible": {SX127x, SX126x}, "callsign": {KISS}, "licence_free": {KISS}, "rssi_halved": {EByte},
}

const traceMaxBytes = 10 << 20

// boards reads the board profiles where a radio needs one, and fills in what a file left out.
func (l *Loaded) boards() error {
	for i := range l.Radio {
		if b := l.Radio[i].Board; b != "" && l.Boards == nil {
			dir := filepath.Join(filepath.Dir(l.Path), "boards.d")
			list, err := board.LoadProfiles(dir)
			if err != nil {
				return &Error{Where: dir, Message: err.Error(), Fix: "docs/BOARDS.md describes the files of boards.d"}
			}
			l.Boards = list
		}
	}
	for i := range l.Radio {
		l.Radio[i].defaults(l.Profile(l.Radio[i]))
	}
	return nil
}

// Profile is the board of a radio; nil where it has none, or one that has to be found first.
func (l *Loaded) Profile(r Radio) *board.Profile {
	if r.Board == "" || r.Board == Auto {
		return nil
	}
	p, err := board.FindProfile(l.Boards, r.Board)
	if err != nil {
		return nil
	}
	return p
}

// defaults fills in what a file left out and no region decides.
func (r *Radio) defaults(p *board.Profile) {
	switch {
	case r.Kind != "":
	case p != nil:
		r.Kind = p.Radio.Kind
	case r.Board == "":
		r.Kind = RNode
	}
	if r.AntennaGainDBi == nil {
		gain := phy.DipoleDBi
		r.AntennaGainDBi = &gain
	}
	if r.Rates == "" && LoRa(r.Kind) {
		r.Rates = RatesAuto
	}
	if r.Trace != "" && r.TraceMaxBytes == 0 {
		r.TraceMaxBytes = traceMaxBytes
	}
}

func (l *Loaded) checkRadio(i int) error {
	r, key := l.Radio[i], fmt.Sprintf("radio.%d.", i)
	if !ValidName(r.Name) {
		return l.wrong(key+"name", nameFix, "%q is not a name for a radio", r.Name)
	}
	if r.Kind != "" && !slices.Contains(Kinds, r.Kind) {
		return l.wrong(key+"kind", "use one of "+strings.Join(Kinds, ", "), "%q is not a kind of radio", r.Kind)
	}
	for _, check := range []func(Radio, string) error{l.checkPlace, l.checkOthersKeys, l.checkValues, l.checkNeeded} {
		if err := check(r, key); err != nil {
			return err
		}
	}
	for j := range i {
		if err := l.checkPair(j, i); err != nil {
			return err
		}
	}
	return nil
}

// checkOthersKeys finds keys that this kind of radio has not.
func (l *Loaded) checkOthersKeys(r Radio, key string) error {
	for _, k := range Keys {
		name, ok := strings.CutPrefix(k.Name, "[[radio]].")
		kinds := keysOfKind[name]
		if _, given := l.Origins[key+name]; !ok || !given || kinds == nil || slices.Contains(kinds, r.Kind) || r.Kind == "" {
			continue
		}
		return l.wrong(key+name, "remove it, or set kind to the radio that you have", "a radio of kind %s has no such key: it is of %s", r.Kind, strings.Join(kinds, ", "))
	}
	return nil
}

// checkPlace makes sure that it is known where the radio is.
func (l *Loaded) checkPlace(r Radio, key string) error {
	p := l.Profile(r)
	switch {
	case r.Board != "" && r.Port != "":
		return l.wrong(key+"port", "remove port, or board", "radio %s has a board, which says where it is, and a port", r.Name)
	case r.Board != "" && r.Board != Auto && p == nil:
		_, err := board.FindProfile(l.Boards, r.Board)
		return l.wrong(key+"board", "packhorse board list shows all", "%s", strings.TrimPrefix(err.Error(), "board: "))
	case p != nil && p.Radio.Kind != r.Kind:
		return l.wrong(key+"kind", "remove kind: the board decides it", "the board %s has an %s, of kind %s", p.Name, p.Radio.Chip, p.Radio.Kind)
	case r.Board == "" && OnBoard(r.Kind):
		return l.wrong(key+"board", `name one of packhorse board list, or write board = "auto"`, "radio %s of kind %s needs to know its board", r.Name, r.Kind)
	case r.Board == "" && r.Port == "":
		return l.wrong(key+"port", "name the serial port, such as /dev/ttyUSB0, or the board", "radio %s has neither a port nor a board", r.Name)
	case strings.HasPrefix(r.Port, "tcp://") && r.Kind != KISS:
		return l.wrong(key+"port", "name the serial port, such as /dev/ttyUSB0", "only a TNC of kind kiss is reached over TCP")
	case r.Board != "" && r.Module != "":
		return l.wrong(key+"module", "remove module", "the board %s says which module it has", r.Board)
	}
	return nil
}

func (l *Loaded) checkValues(r Radio, key string) error {
	switch {
	case r.SpreadingFactor != 0 && (r.SpreadingFactor < 5 || r.SpreadingFactor > 12):
		return l.wrong(key+"spreading_factor", "give 5 to 12", "%d does not exist", r.SpreadingFactor)
	case r.CodingRate != 0 && (r.CodingRate < 5 || r.CodingRate > 8):
		return l.wrong(key+"coding_rate", "give 5 to 8", "%d does not exist", r.CodingRate)
	case LoRa(r.Kind) && r.BandwidthHz != 0 && (r.BandwidthHz < 7_800 || r.BandwidthHz > 500_000):
		return l.wrong(key+"bandwidth_hz", "give 7812 to 500000, such as 125000", "%d Hz does not exist", r.BandwidthHz)
	case r.FrequencyHz != 0 && (r.FrequencyHz < 137_000_000 || r.FrequencyHz > 1_020_000_000):
		return l.wrong(key+"frequency_hz", "give it in Hz, such as 869525000", "%d Hz is out of reach", r.FrequencyHz)
	case r.PowerDBm != nil && (*r.PowerDBm < -9 || *r.PowerDBm > 36):
		return l.wrong(key+"power_dbm", "give -9 to 36", "%d dBm is out of reach", *r.PowerDBm)
	case r.Rates != "" && r.Rates != RatesAuto && r.Rates != RatesOff:
		return l.wrong(key+"rates", `use "auto" or "off"`, "%q is neither", r.Rates)
	case !(r.CableLossDB >= 0 && r.CableLossDB <= 20):
		return l.wrong(key+"cable_loss_db", "give 0 to 20: what the cable's data sheet says for its length", "%g dB is no cable", r.CableLossDB)
	case !(*r.AntennaGainDBi >= -20 && *r.AntennaGainDBi <= 30):
		return l.wrong(key+"antenna_gain_dbi", "give what the antenna's data sheet says", "%g dBi is no antenna", *r.AntennaGainDBi)
	case r.Baud != 0 && (r.Baud < 1200 || r.Baud > 921_600):
		return l.wrong(key+"baud", "give 1200 to 921600, such as 9600", "%d bit/s does not exist", r.Baud)
	case r.Module != "" && !slices.Contains(Modules, r.Module):
		return l.wrong(key+"module", "use one of "+strings.Join(Modules, ", "), "%q is not a module that we know", r.Module)
	case r.Channels < 0 || r.Channels > 50:
		return l.wrong(key+"channels", "give 1 to 50", "%d channels do not exist", r.Channels)
	case r.NetID > 499:
		return l.wrong(key+"net_id", "give 0 to 499", "%d does not exist", r.NetID)
	case r.Trace == "" && r.TraceMaxBytes != 0:
		return l.wrong(key+"trace_max_bytes", "say with trace where to, or remove it", "nothing is traced")
	case r.Trace != "" && (r.TraceMaxBytes < 64<<10 || r.TraceMaxBytes > 1<<40):
		return l.wrong(key+"trace_max_bytes", "give at least 65536", "%d octets do not fit", r.TraceMaxBytes)
	}
	return nil
}

// checkNeeded finds what a kind cannot do without.
func (l *Loaded) checkNeeded(r Radio, key string) error {
	missing := func(name, fix string) error {
		return l.wrong(key+name, fix, "radio %s of kind %s needs it", r.Name, r.Kind)
	}
	own := r.Kind == KISS
	switch {
	case own && r.FrequencyHz == 0:
		return missing("frequency_hz", "say in Hz what its transmitter sends on, such as 433500000")
	case r.Kind == EByte && r.FrequencyHz == 0:
		return missing("frequency_hz", "say in Hz what it sends on, such as 866125000; an E22-900 has channels at 850125000 and each MHz above")
	case own && r.BandwidthHz == 0:
		return missing("bandwidth_hz", "say in Hz what the transmitter occupies, such as 12500 for 1200 bit/s over a voice channel")
	case own && (r.BitRate == 0 || r.BitRate > 2_000_000):
		return missing("bit_rate", "say what the modem is set to, such as 1200")
	case own && r.PowerDBm == nil:
		return missing("power_dbm", "say what the transmitter gives: it cannot be asked")
	case own && !r.LicenceFree:
		return l.wrong(key+"licence_free", "use its transmitter on a band that needs no licence and allows encryption, and state that with licence_free = true",
			"all our traffic is encrypted, which is forbidden on amateur bands in most countries")
	case r.Kind == EByte && r.Board == "" && r.Module == "":
		return missing("module", "use one of "+strings.Join(Modules, ", "))
	case r.Kind == Meshtastic && r.Preset == "":
		return missing("preset", "say what the node is set to, such as LongMod: it is never changed from here")
	case r.Channels > 1 && r.SpanHz == 0:
		return missing("span_hz", "say over how many Hz the channels spread")
	}
	return nil
}

// checkPair finds two radios that are one, or that share what cannot be shared.
func (l *Loaded) checkPair(j, i int) error {
	was, is := l.Radio[j], l.Radio[i]
	wasKey, isKey := fmt.Sprintf("radio.%d.", j), fmt.Sprintf("radio.%d.", i)
	switch {
	case was.Name == is.Name:
		return l.wrong(isKey+"name", "remove one of the two", "radio %s is defined twice, first in %s", is.Name, l.Origin(wasKey+"name"))
	case is.Port != "" && was.Port == is.Port:
		return l.wrong(isKey+"port", "remove one of the two", "radio %s is defined twice, first in %s", is.Port, l.Origin(wasKey+"port"))
	case is.Trace != "" && was.Trace == is.Trace:
		return l.wrong(isKey+"trace", "give each radio a file of its own", "%s is the trace of radio %s already, in %s", is.Trace, was.Name, l.Origin(wasKey+"trace"))
	case is.Board == Auto && was.Board == Auto:
		return l.wrong(isKey+"board", "name both boards: packhorse board probe finds them", "one board can be found by itself, and radio %s in %s is that", was.Name, l.Origin(wasKey+"board"))
	}
	p, q := l.Profile(was), l.Profile(is)
	if p == nil || q == nil {
		return l.checkUART(was, is, wasKey, isKey)
	}
	if what := shared(p, q); what != "" {
		return l.wrong(isKey+"board", "use one of the two, or correct the pins in boards.d", "%s shares %s with %s of radio %s, in %s", q.Name, what, p.Name, was.Name, l.Origin(wasKey+"board"))
	}
	return nil
}

// checkUART finds a serial port that is one of a board too.
func (l *Loaded) checkUART(was, is Radio, wasKey, isKey string) error {
	p, port := l.Profile(was), is.Port
	if p == nil {
		p, port = l.Profile(is), was.Port
	}
	if p == nil || p.UART.Device == "" || p.UART.Device != port {
		return nil
	}
	return l.wrong(isKey+"name", "remove one of the two", "radio %s and radio %s in %s both use %s", is.Name, was.Name, l.Origin(wasKey+"name"), port)
}

// shared is what two boards both need for themselves.
func shared(p, q *board.Profile) string {
	if p.UART.Device != "" && p.UART.Device == q.UART.Device {
		return p.UART.Device
	}
	if p.SPI.Device != "" && p.SPI.Device == q.SPI.Device && p.Pins.Select == q.Pins.Select {
		return strings.TrimSpace(p.SPI.Device + " " + string(p.Pins.Select))
	}
	theirs := q.Wiring()
	var roles []string
	for role := range theirs {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	for _, mine := range p.Pins.Power { // both may switch the same supply on
		roles = slices.DeleteFunc(roles, func(r string) bool { return strings.HasPrefix(r, "power") && theirs[r] == string(mine) })
	}
	taken := map[string]bool{}
	for _, line := range p.Wiring() {
		taken[line] = true
	}
	for _, role := range roles {
		if line := theirs[role]; taken[line] && !strings.HasPrefix(line, "led:") {
			return line
		}
	}
	return ""
}

// Taken are the boards of the other radios.
func (l *Loaded) Taken(r Radio) (list []*board.Profile) {
	for _, other := range l.Radio {
		if p := l.Profile(other); p != nil && other.Name != r.Name {
			list = append(list, p)
		}
	}
	return list
}
