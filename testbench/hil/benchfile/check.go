package benchfile

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"packhorse/board"
	"packhorse/radio/phy"
)

// RadioKinds are the kinds of radio, as packhorse.toml calls them.
var RadioKinds = []string{"rnode", board.KindSX127x, board.KindSX126x, "kiss", "sik", board.KindEByte, "meshtastic"}

// name is what nodes and radios may be called: it becomes part of file names and of test names.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// checker keeps the first mistake.
type checker struct {
	path   string
	lines  map[string]int
	boards []*board.Profile
	found  *Error
}

// wrong notes a mistake at a key, or where that is absent at the table around it.
func (c *checker) wrong(key, fix, format string, v ...any) {
	if c.found != nil {
		return
	}
	c.found = &Error{Where: c.path, Message: fmt.Sprintf(format, v...), Fix: fix}
	for at := key; at != ""; at = at[:max(strings.LastIndexByte(at, '.'), 0)] {
		if line := c.lines[at]; line > 0 {
			c.found.Where = fmt.Sprintf("%s:%d", c.path, line)
			return
		}
	}
}

func (c *checker) file(f *File) {
	c.bench(f.Bench)
	if len(f.Node) == 0 || len(f.Node) > maxNodes {
		c.wrong("bench", "add a [[node]] for each board", "%d nodes: a bench has 1 to %d", len(f.Node), maxNodes)
	}
	names := map[string]bool{}
	for i, n := range f.Node {
		key := fmt.Sprintf("node.%d", i)
		if names[n.Name] {
			c.wrong(key+".name", "give each node a name of its own", "there is another node %q", n.Name)
		}
		names[n.Name] = true
		c.node(key, n)
	}
	c.switches(f.Node)
	for i, a := range f.Attenuation {
		c.attenuation(fmt.Sprintf("attenuation.%d", i), a, f)
	}
}

func (c *checker) bench(b Bench) {
	if !name.MatchString(b.Name) {
		c.wrong("bench.name", "small letters, digits and hyphens, at most 32", "%q is no name of a bench", b.Name)
	}
	if b.LockDir == "" {
		c.wrong("bench.lock_dir", "name a directory that all who use this bench may write to, such as /run/lock", "there is no lock_dir: without a lock two people would switch each other's boards off")
	}
	if g, err := phy.LookupRegion(b.Region); err != nil || !g.Open() {
		c.wrong("bench.region", "one of "+strings.Join(phy.Regions(), ", "), "%q is no region in which radios may transmit", b.Region)
	}
	if b.MaxPowerDBm < -9 || b.MaxPowerDBm > 30 {
		c.wrong("bench.max_power_dbm", "the most that pads and receivers bear: 10 dBm is the input limit of an SX1262", "max_power_dbm is %d: give -9 to 30", b.MaxPowerDBm)
	}
}

func (c *checker) node(key string, n Node) {
	if !name.MatchString(n.Name) {
		c.wrong(key+".name", "small letters, digits and hyphens, at most 32", "%q is no name of a node", n.Name)
	}
	if n.System != Appliance && n.System != Deb {
		c.wrong(key+".system", `"appliance" for the flash image, "deb" for Raspberry Pi OS with the package`, "%q is no system", n.System)
	}
	if n.Console == nil && n.SSH == nil {
		c.wrong(key, "give it console = { port = ... } or ssh = { address = ... }, best both", "node %s cannot be reached: it has neither console nor ssh", n.Name)
	}
	if n.System == Deb && n.SSH == nil {
		c.wrong(key+".system", "give it ssh: commands of a deb node go through its shell", "node %s has the system deb and no ssh", n.Name)
	}
	c.console(key+".console", n.Console)
	c.ssh(key+".ssh", n.SSH)
	c.power(key+".power", n.Power)
	c.radios(key+".radio", n)
}

func (c *checker) console(key string, s *Console) {
	if s == nil {
		return
	}
	if !filepath.IsAbs(s.Port) {
		c.wrong(key+".port", "name the console's cable below /dev/serial/by-id: packhorse board serial lists them", "%q is no serial port", s.Port)
	}
	if s.Baud < 300 || s.Baud > 4_000_000 {
		c.wrong(key+".baud", "115200 is what the image uses", "%d is no rate of a serial port", s.Baud)
	}
}

func (c *checker) ssh(key string, s *SSH) {
	if s == nil {
		return
	}
	if host, port, err := net.SplitHostPort(s.Address); err != nil || host == "" || port == "" {
		c.wrong(key+".address", `such as "192.168.1.9:22"`, "%q is no address", s.Address)
	}
	if s.Key == "" {
		c.wrong(key+".key", "make one without passphrase for this bench: ssh-keygen -t ed25519 -N '' -f bench_key", "there is no key to log in with")
	}
	if _, err := s.PublicKey(); err != nil {
		c.wrong(key+".host_key", "copy it from the node's console, or from ssh-keyscan -t ed25519 HOST over a cable that you trust", "host_key is no public key: %v", err)
	}
}

// PublicKey is the key by which the node proves who it is.
func (s *SSH) PublicKey() (ssh.PublicKey, error) {
	k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	return k, err
}

// location is a hub's as uhubctl and the kernel write it: bus, then port by port.
var location = regexp.MustCompile(`^[0-9]{1,3}(-[0-9]{1,2}(\.[0-9]{1,2}){0,5})?$`)

func (c *checker) power(key string, p Power) {
	hub, relay := p.Location != "" || p.Port != 0, p.Line != "" || p.ActiveLow
	switch p.Kind {
	case NoSwitch:
		if hub || relay {
			c.wrong(key+".kind", `say kind = "uhubctl" or "gpio"`, "there is a switch and its kind is %q", p.Kind)
		}
	case USBHub:
		if !location.MatchString(p.Location) || p.Port < 1 || p.Port > 31 || relay {
			c.wrong(key, `such as { kind = "uhubctl", location = "1-1", port = 2 }: uhubctl without arguments lists hubs`, "hub %q port %d is no port of a hub", p.Location, p.Port)
		}
	case Relay:
		if err := p.Line.Check(); err != nil || hub {
			c.wrong(key+".line", `such as { kind = "gpio", line = "GPIO17", active_low = true }`, "%q is no line of a relay", p.Line)
		}
	default:
		c.wrong(key+".kind", `"uhubctl", "gpio" or "none"`, "%q is no kind of power switch", p.Kind)
	}
}

// switches may not be shared: power off of one node would take another one with it.
func (c *checker) switches(nodes []Node) {
	taken := map[Power]string{}
	for i, n := range nodes {
		p := n.Power
		p.ActiveLow = false
		if by, ok := taken[p]; ok && p.Kind != NoSwitch {
			c.wrong(fmt.Sprintf("node.%d.power", i), "give each node a switch of its own", "node %s is on the same switch as node %s", n.Name, by)
		}
		taken[p] = n.Name
	}
}

func (c *checker) radios(key string, n Node) {
	if len(n.Radio) > maxRadios {
		c.wrong(key+".0", "a node has at most that many", "node %s has %d radios: give up to %d", n.Name, len(n.Radio), maxRadios)
	}
	names := map[string]bool{}
	for i, r := range n.Radio {
		key := fmt.Sprintf("%s.%d", key, i)
		if !name.MatchString(r.Name) || names[r.Name] {
			c.wrong(key+".name", "as in the node's packhorse.toml, such as lora0, each once", "%q is no name for this radio", r.Name)
		}
		names[r.Name] = true
		c.radio(key, r)
	}
}

func (c *checker) radio(key string, r Radio) {
	onSPI := r.Kind == board.KindSX127x || r.Kind == board.KindSX126x
	switch {
	case !slices.Contains(RadioKinds, r.Kind):
		c.wrong(key+".kind", "one of "+strings.Join(RadioKinds, ", "), "%q is no kind of radio", r.Kind)
	case onSPI && (r.Board == "" || r.Port != ""):
		c.wrong(key, "name its board, and no port: packhorse board list has the boards", "radio %s is a chip on SPI", r.Name)
	case !onSPI && r.Kind != board.KindEByte && (r.Port == "" || r.Board != ""):
		c.wrong(key, "name its port, and no board: as the node has it, such as /dev/serial/by-id/usb-...", "radio %s is a modem", r.Name)
	case (r.Port == "") == (r.Board == ""):
		c.wrong(key, "name its board where it is a HAT, else its port", "radio %s has both board and port, or neither", r.Name)
	case r.Port != "" && !filepath.IsAbs(r.Port):
		c.wrong(key+".port", "name it as the node has it, such as /dev/serial/by-id/usb-...", "%q is no serial port", r.Port)
	}
	if r.Board != "" {
		c.board(key+".board", r)
	}
}

// board holds a radio against the profile that is built in; a board of the owner's own is not known here.
func (c *checker) board(key string, r Radio) {
	p, err := board.FindProfile(c.boards, r.Board)
	if err == nil && p.Radio.Kind != r.Kind {
		c.wrong(key, "correct kind or board", "the board %s has a radio of kind %s, not %s", r.Board, p.Radio.Kind, r.Kind)
	}
}

func (c *checker) attenuation(key string, a Attenuation, f *File) {
	for _, end := range a.Between {
		if !f.hasRadio(end) {
			c.wrong(key+".between", `two of the radios above, such as ["a.lora0", "b.lora0"]`, "there is no radio %q", end)
		}
	}
	if a.Between[0] == a.Between[1] {
		c.wrong(key+".between", "name two radios", "%q is named twice", a.Between[0])
	}
	if a.FixedDB < 0 || a.FixedDB > 200 {
		c.wrong(key+".fixed_db", "the sum of all pads and cables between them", "fixed_db is %g: give 0 to 200", a.FixedDB)
	}
	if n := len(a.StepDB); n != 0 && (n != 2 || a.StepDB[0] < 0 || a.StepDB[1] <= a.StepDB[0] || a.StepDB[1] > 200) {
		c.wrong(key+".step_db", "least and most of the step attenuator, such as [0, 63]", "step_db is %v", a.StepDB)
	}
	if len(a.Command) > 0 && (len(a.StepDB) == 0 || !strings.Contains(strings.Join(a.Command, "\x00"), "{db}")) {
		c.wrong(key+".command", `give step_db, and {db} where the command takes the step: ["attenuator", "--set", "{db}"]`, "the command of this attenuator cannot set it")
	}
}

// hasRadio tells whether "node.radio" is there.
func (f *File) hasRadio(ref string) bool {
	node, radio, _ := strings.Cut(ref, ".")
	for _, n := range f.Node {
		if n.Name == node && slices.ContainsFunc(n.Radio, func(r Radio) bool { return r.Name == radio }) {
			return true
		}
	}
	return false
}
