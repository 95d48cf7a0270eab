package benchfile

import "packhorse/board"

// File is a bench. What its keys mean is in docs/HIL.md; after Load all values hold.
type File struct {
	Path        string        `toml:"-"` // where it was read
	Bench       Bench         `toml:"bench"`
	Node        []Node        `toml:"node"`
	Attenuation []Attenuation `toml:"attenuation"`
}

// Bench is the bench as a whole.
type Bench struct {
	Name        string `toml:"name"`
	LockDir     string `toml:"lock_dir"` // after Load an absolute directory
	Region      string `toml:"region"`
	MaxPowerDBm int    `toml:"max_power_dbm"`
}

// Kinds of system on a node.
const (
	Appliance = "appliance" // the flash image: its console and its SSH take packhorse's commands, and nothing else
	Deb       = "deb"       // Raspberry Pi OS or Debian with the package: SSH gives a shell
)

// Node is one board.
type Node struct {
	Name    string   `toml:"name"`
	System  string   `toml:"system"`
	Board   string   `toml:"board"`
	Console *Console `toml:"console"` // nil: none
	SSH     *SSH     `toml:"ssh"`     // nil: none
	Power   Power    `toml:"power"`
	Radio   []Radio  `toml:"radio"`
}

// Console is a serial console, 8N1.
type Console struct {
	Port string `toml:"port"`
	Baud int    `toml:"baud"`
}

// SSH is how a node is reached by network.
type SSH struct {
	Address string `toml:"address"` // host:port
	User    string `toml:"user"`
	Key     string `toml:"key"`      // file of a private key without passphrase
	HostKey string `toml:"host_key"` // the only one that is believed, as in known_hosts: "ssh-ed25519 AAAA..."
}

// Kinds of power switch.
const (
	NoSwitch = "none"
	USBHub   = "uhubctl"
	Relay    = "gpio"
)

// Power is what switches a node's supply.
type Power struct {
	Kind      string       `toml:"kind"`
	Location  string       `toml:"location"` // uhubctl: of the hub, such as 1-1.4
	Port      int          `toml:"port"`     // uhubctl: on the hub, from 1
	Line      board.PinRef `toml:"line"`     // gpio: on this computer
	ActiveLow bool         `toml:"active_low"`
}

// Radio is one radio of a node.
type Radio struct {
	Name  string `toml:"name"`
	Kind  string `toml:"kind"`
	Board string `toml:"board"` // of a chip on SPI or a HAT: a name of `packhorse board list`
	Port  string `toml:"port"`  // of a modem, as the node itself names it: best below /dev/serial/by-id
}

// Attenuation lies between the antenna sockets of two radios.
type Attenuation struct {
	Between [2]string `toml:"between"`  // "node.radio"
	FixedDB float64   `toml:"fixed_db"` // of pads and cables together
	StepDB  []float64 `toml:"step_db"`  // least and most of the step attenuator; absent: none
	Command []string  `toml:"command"`  // sets it: {db} in an argument stands for the step; empty: it is set by hand
}

// Settable tells whether the bench sets the step attenuator itself.
func (a Attenuation) Settable() bool { return len(a.StepDB) == 2 && len(a.Command) > 0 }
