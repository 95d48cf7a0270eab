// Package config reads packhorse.toml and the files of conf.d beside it. Unknown keys,
// keys given twice and values out of range are errors that name file, line and key. It
// never writes a file.
package config

import "slices"

// Config is the whole configuration of a gateway, defaults filled in. The TOML keys are
// described in docs/CONFIG.md, from Keys.
type Config struct {
	Name       string   `toml:"name"`
	Region     string   `toml:"region"`
	StateDir   string   `toml:"state_dir"`
	Socket     string   `toml:"socket"`
	TrustClock bool     `toml:"trust_clock"`
	GPS        string   `toml:"gps"`
	Watchdog   string   `toml:"watchdog"`
	PoWeb      PoWeb    `toml:"poweb"`
	Internet   Internet `toml:"internet"`
	Courier    Courier  `toml:"courier"`
	Uplink     Uplink   `toml:"uplink"`
	Gateway    Gateway  `toml:"internet_gateway"`
	Store      Store    `toml:"store"`

	Setup     Setup     `toml:"setup"`
	Appliance Appliance `toml:"appliance"`
	AP        AP        `toml:"ap"`
	Page      Page      `toml:"page"`
	Battery   Battery   `toml:"battery"`

	Radio []Radio `toml:"radio"`
	// Adjust changes keys of radios by the radio's name, after all files were read. It is in Radio once loaded.
	Adjust map[string]Radio `toml:"adjust"`
}

// PoWeb is where Awala apps reach this gateway.
type PoWeb struct {
	Listen string `toml:"listen"`
}

// Courier is how this gateway carries cargo between gateways and the Internet.
type Courier struct {
	Listen     string `toml:"listen"`
	AnyAddress bool   `toml:"any_address"`
	Internet   bool   `toml:"internet"`
	KeepDays   int    `toml:"keep_days"`
	MeshMB     int    `toml:"mesh_mb_per_day"`
}

// Gateway is the role of an Internet gateway. Without Address it is off.
type Gateway struct {
	Address        string `toml:"address"`
	PoWeb          string `toml:"poweb"`
	PoHTTP         string `toml:"pohttp"`
	CogRPC         string `toml:"cogrpc"`
	TLSCert        string `toml:"tls_cert"`
	TLSKey         string `toml:"tls_key"`
	Plain          bool   `toml:"plain"`
	MaxParcels     int    `toml:"max_parcels"`
	MaxParcelBytes int64  `toml:"max_parcel_bytes"`
	MaxCargoBytes  int    `toml:"max_cargo_bytes"`

	Allow []string `toml:"allow"`
}

// Store bounds what is kept on disk, and tells how to open it when it is encrypted.
type Store struct {
	MaxBytes       int64  `toml:"max_bytes"`
	MaxParcels     int    `toml:"max_parcels"`
	MaxParcelBytes int64  `toml:"max_parcel_bytes"`
	LingerMS       int    `toml:"linger_ms"`
	Encrypt        bool   `toml:"encrypt"`
	KeyFile        string `toml:"key_file"`
}

// Internet is the DTLS transport. Without Listen and Peer it is off.
type Internet struct {
	Listen string `toml:"listen"`
	Peer   []Peer `toml:"peer"`
}

// Peer is a gateway to reach over DTLS.
type Peer struct {
	Name    string `toml:"name"`
	ID      string `toml:"id"`
	Address string `toml:"address"`
}

// Uplink names the Internet gateways that this gateway registers with. Without Gateways there is no connection to them.
type Uplink struct {
	Gateways []string `toml:"gateways"`
	DoH      string   `toml:"doh"`
	Fixed    []Fixed  `toml:"fixed"`
}

// Fixed says where an Awala address is, without DNS.
type Fixed struct {
	Name   string `toml:"name"`
	PoWeb  string `toml:"poweb"`
	CogRPC string `toml:"cogrpc"`
	PoHTTP string `toml:"pohttp"`
	CAFile string `toml:"ca_file"`
	Plain  bool   `toml:"plain"`
}

// Key describes one key: what docs/CONFIG.md says of it.
type Key struct {
	Name, Default, Unit, Meaning string
}

// Keys is every key there is, in the order of the documentation. Tables in double
// brackets may be given several times.
var Keys = slices.Concat(gatewayKeys, boxKeys, radioKeys, adjustKeys)

var gatewayKeys = []Key{
	{"name", "the host name", "", "what a new gateway is called, at most 24 letters, digits and dashes; `packhorse up --name` changes it"},
	{"region", "none", "", "whose radio rules apply, such as `EU868`; no radio transmits without it. `packhorse up --region` sets it where no file does"},
	{"state_dir", "`/var/lib/packhorse` for root and as a service, else `~/.local/state/packhorse`", "", "where keys, parcels and ledgers live; a service manager names its own by `STATE_DIRECTORY`"},
	{"socket", "`/run/packhorse/packhorse.sock` for root and as a service where `state_dir` is not set, else `packhorse.sock` in `state_dir`", "", "the local API, for the other commands"},
	{"trust_clock", "false", "", "take the system's clock at its word although nothing synchronises it here: for machines whose host keeps it"},
	{"gps", "none", "path", "serial port of a satellite receiver (NMEA at 9600 baud), which then vouches for the clock; it does not set it"},
	{"watchdog", "none", "path", "hardware that restarts the board when the gateway hangs, such as `/dev/watchdog0`; leave it to systemd (`RuntimeWatchdogSec`) or to us, not to both"},
	{"poweb.listen", "`127.0.0.1:13276`", "address", "where Awala apps reach this gateway; empty switches it off"},
	{"internet.listen", "empty: off", "address", "UDP address for DTLS links from other gateways, such as `:4726`"},
	{"[[internet.peer]].name", "required", "", "a name for status and logs"},
	{"[[internet.peer]].id", "required", "hex", "the peer's gateway id, 64 digits: `id` in its `packhorse status --json`"},
	{"[[internet.peer]].address", "required", "address", "host and port of the peer; members that call us need no entry here"},
	{"courier.listen", "empty: off", "address", "TCP address where phones and laptops bring and fetch cargo, such as `:21473`, the port that they try"},
	{"courier.any_address", "false", "", "take cargo from every address that can reach this one, not just from local networks"},
	{"courier.internet", "true", "", "take cargo of others that waits here to its Internet gateways when they can be reached; they are looked up over HTTPS"},
	{"courier.keep_days", "30", "days", "how long cargo and collection authorisations of others are kept here at most, 1 to 180, also where they expire later"},
	{"courier.mesh_mb_per_day", "16", "MiB", "what goes over the mesh a day, at bulk priority, of what couriers bring here for gateways outside the domain, 1 to 1000000"},
	{"uplink.gateways", "none", "", "Awala addresses of Internet gateways, the preferred first, such as `[\"frankfurt.relaycorp.cloud\"]`; the next is used while those before it do not work"},
	{"uplink.doh", "`https://cloudflare-dns.com/dns-query`", "URL", "resolver (DNS over HTTPS) that tells where Internet gateways are"},
	{"[[uplink.fixed]].name", "required", "", "an Awala address whose hosts are given here and not looked up"},
	{"[[uplink.fixed]].poweb", "by DNS", "address", "host and port where it registers gateways and exchanges parcels with them"},
	{"[[uplink.fixed]].cogrpc", "by DNS", "address", "host and port where it exchanges cargo with couriers"},
	{"[[uplink.fixed]].pohttp", "by DNS", "address", "host and port where it takes parcels from other Internet nodes"},
	{"[[uplink.fixed]].ca_file", "the system's authorities", "path", "certificates (PEM) of the authorities trusted for these hosts, or the hosts' own"},
	{"[[uplink.fixed]].plain", "false", "", "connect without TLS: only to loopback addresses, for tests"},
	{"internet_gateway.address", "empty: off", "", "domain name under which this machine is an Awala Internet gateway, such as `gw.example.org`; SRV records of it name host and ports below"},
	{"internet_gateway.poweb", "empty: off", "address", "TCP address where private gateways register, deliver and collect, such as `:443`"},
	{"internet_gateway.pohttp", "empty: off", "address", "TCP address where other Internet nodes deliver parcels; may be that of `poweb`"},
	{"internet_gateway.cogrpc", "empty: off", "address", "TCP address where couriers deliver and collect cargo, such as `:8443`"},
	{"internet_gateway.tls_cert", "required unless plain", "path", "PEM file with the certificate for TLS and what is above it; read again when it changes"},
	{"internet_gateway.tls_key", "required unless plain", "path", "PEM file with its key"},
	{"internet_gateway.plain", "false", "", "serve without TLS, on loopback addresses alone: behind a proxy that has it, or for tests"},
	{"internet_gateway.max_parcels", "20000", "", "parcels held or remembered until they expire; at most a sixteenth of them of one private gateway or sender, a quarter with `allow`"},
	{"internet_gateway.max_parcel_bytes", "a quarter of `store.max_bytes`", "octets", "parcels that wait, at most half of `store.max_bytes`; at most a sixteenth of them of one private gateway or sender (but two parcels of any size), a quarter with `allow`"},
	{"internet_gateway.max_cargo_bytes", "8397056", "octets", "largest cargo that is made, 65536 to 9437184; phones as couriers take no more than the default"},
	{"internet_gateway.allow", "everybody", "", "ids of the private gateways that may register and are served, such as `[\"0b5b...\"]`: 0 and 64 hex digits, which the log tells of each that is refused; that is done to all others, also if they registered before"},
	{"store.max_bytes", "1073741824", "octets", "largest live size of the store; new parcels are refused beyond it"},
	{"store.max_parcels", "10000", "", "parcels held or remembered until their time is over, 800 octets of memory each; at most half of them from one neighbour, from our apps or by one sender"},
	{"store.max_parcel_bytes", "a quarter of `store.max_bytes`", "octets", "bodies of parcels that wait, at most half of `store.max_bytes`; at most half of them from one neighbour or by one sender"},
	{"store.linger_ms", "0", "ms", "how long a record may wait for others to share one sync of the card, 0 to 1000: 20 spares the card, and delays each acknowledgement by as much"},
	{"store.encrypt", "false", "", "encrypt a new state directory from its first octet; one that is in the clear needs `packhorse store encrypt`"},
	{"store.key_file", "none", "path", "opens an encrypted state directory: 32 random octets from `packhorse store keygen`, on a stick that can be taken out; a new directory is encrypted with it"},
}

var radioKeys = []Key{
	{"[[radio]].name", "required", "", "a name for status and logs, such as `lora0`"},
	{"[[radio]].kind", "the board's, else `rnode`", "", "`rnode`, `sx127x`, `sx126x`, `kiss`, `sik`, `ebyte` or `meshtastic`"},
	{"[[radio]].board", "none", "", "radio board, by a name of `packhorse board list` or of a file in `boards.d`; `auto`: by its EEPROM, else by reading the chips without transmitting. For `sx127x`, `sx126x`, `ebyte`"},
	{"[[radio]].port", "required without a board", "path", "the serial port; prefer a name under `/dev/serial/by-id`. Of `kiss` also `tcp://host:port`"},
	{"[[radio]].baud", "what the modem comes with", "bit/s", "rate of the serial port: of `kiss` 9600, of `sik` 57600, of an `ebyte` module without a board 9600"},
	{"[[radio]].module", "required of `ebyte` without a board", "", "`e22-900t22`, `e22-900t30`, `e22-400t22`, `e22-400t30`, `e32-868t20`, `e32-868t30`, `e32-915t20`, `e32-915t30`, `e32-433t20` or `e32-433t30`"},
	{"[[radio]].frequency_hz", "the region's plan; required of `kiss` and `ebyte`", "Hz", "carrier frequency; the middle where it hops"},
	{"[[radio]].bandwidth_hz", "the region's plan; required of `kiss`", "Hz", "LoRa bandwidth: 7812 to 500000. Of `kiss` what the transmitter occupies"},
	{"[[radio]].spreading_factor", "the region's plan", "", "LoRa spreading factor, 5 to 12"},
	{"[[radio]].coding_rate", "the region's plan", "", "n of the LoRa coding rate 4/n, 5 to 8"},
	{"[[radio]].preset", "required of `meshtastic`", "", "modem preset that the node is set to, such as `LongFast`"},
	{"[[radio]].bit_rate", "`sik` 64000, `ebyte` 9600; required of `kiss`", "bit/s", "rate on the air. `kiss`: 1200, 9600 or what the modem does; `sik`: 2000 to 250000; `ebyte`: 300 to 62500, the names of the manual"},
	{"[[radio]].channels", "1", "", "of `sik`: hop over so many channels, up to 50"},
	{"[[radio]].span_hz", "required with channels", "Hz", "of `sik`: over which the channels spread, around the frequency"},
	{"[[radio]].net_id", "25", "", "of `sik`: tells pairs apart, up to 499"},
	{"[[radio]].power_dbm", "17, or what region, antenna and radio allow", "dBm", "transmit power at the antenna socket, behind the board's amplifier; more than the law allows is refused. Of `kiss` required: what the transmitter gives. Of `meshtastic` the most that the node may be set to"},
	{"[[radio]].antenna_gain_dbi", "2.15", "dBi", "gain of the antenna, counted against the region's limit"},
	{"[[radio]].cable_loss_db", "0", "dB", "lost in the cable between radio and antenna, 0 to 20: what is lost may be made up for, but say no more than you measured or the data sheet says"},
	{"[[radio]].rates", "`auto`", "", "`auto`: transfers move to faster settings that law and signal allow, also on a second frequency, and back; `off`: this radio stays on the setting above. All gateways of a place should say the same"},
	{"[[radio]].rnode_compatible", "true", "", "of `sx127x` and `sx126x`: speak with RNodes, and with others that say so; `false` saves an octet in each frame, and must be alike in all"},
	{"[[radio]].callsign", "`N0CALL`", "", "of `kiss`: AX.25 source address"},
	{"[[radio]].licence_free", "false", "", "of `kiss`: states that its transmitter works on a band that needs no licence and allows encryption; without it the radio is refused"},
	{"[[radio]].rssi_halved", "false", "", "of an E22: the module tells signal strength as manuals of 2018 say; try it when its channel is never free"},
	{"[[radio]].trace", "none", "path", "record all frames, for Wireshark; replaced at each start"},
	{"[[radio]].trace_max_bytes", "10485760", "octets", "size at which the trace goes on in a new file; one old one is kept as `.1`"},
}
