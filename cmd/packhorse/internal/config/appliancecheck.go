package config

import (
	"encoding/base64"
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"
)

// checkAppliance looks at what the flash image takes.
func (l *Loaded) checkAppliance() error {
	for _, check := range []func() error{l.checkAddress, l.checkDNS, l.checkNTP, l.checkKeys, l.checkGovernor} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loaded) checkAddress() error {
	a := l.Appliance
	if a.Address == "" {
		if a.Router != "" {
			return l.wrong("appliance.router", "give address too, or remove router: DHCP names one", "a router without a fixed address")
		}
		return nil
	}
	p, err := netip.ParsePrefix(a.Address)
	if err != nil || !p.Addr().Is4() || p.Bits() == 0 || !oneHost(p.Addr()) {
		return l.wrong("appliance.address", "write an IPv4 address with its prefix, such as 192.168.1.9/24", "%q is no address for the box", a.Address)
	}
	if p.Bits() < 31 && (p.Addr() == p.Masked().Addr() || !p.Contains(p.Addr().Next())) {
		return l.wrong("appliance.address", "write the address of the box, such as 192.168.1.9/24, not that of the network", "%q is the network or its broadcast address", a.Address)
	}
	if a.Router == "" {
		return nil
	}
	router, err := netip.ParseAddr(a.Router)
	if err != nil || !router.Is4() || router == p.Addr() || !p.Contains(router) {
		return l.wrong("appliance.router", "write the router's IPv4 address, one of the network "+p.Masked().String(), "%q is no router for %s", a.Router, a.Address)
	}
	return nil
}

// oneHost tells an address that one host can have.
func oneHost(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && (!a.Is4() || a.As4()[0] < 240)
}

// maxDNS is MAXNS of resolv.conf(5).
const maxDNS = 3

func (l *Loaded) checkDNS() error {
	if n := len(l.Appliance.DNS); n > maxDNS {
		return l.wrong("appliance.dns", "name at most 3", "%d name servers are more than programs ask", n)
	}
	for _, d := range l.Appliance.DNS {
		if a, err := netip.ParseAddr(d); err != nil || !oneHost(a) {
			return l.wrong("appliance.dns", "write addresses, such as [\"192.168.1.1\"]", "%q is no address of a name server", d)
		}
	}
	return nil
}

// timeServer is a host, "host:port" or an address.
var timeServer = regexp.MustCompile(`^(\[[0-9a-fA-F:.%]+\]:\d{1,5}|[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?(:\d{1,5})?|[0-9a-fA-F:.]+)$`)

func (l *Loaded) checkNTP() error {
	if n := len(l.Appliance.NTP); n > 8 {
		return l.wrong("appliance.ntp", "name at most 8; four are plenty", "%d time servers are too many", n)
	}
	for _, s := range l.Appliance.NTP {
		if !timeServer.MatchString(s) {
			return l.wrong("appliance.ntp", "write names or addresses, such as [\"ntp.example.org\", \"192.168.1.1\"]", "%q is no time server", s)
		}
	}
	return nil
}

func (l *Loaded) checkKeys() error {
	for _, line := range l.Appliance.SSHKeys {
		_, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil || strings.ContainsAny(strings.TrimSpace(line), "\r\n") {
			return l.wrong("appliance.ssh_keys", "copy the one line of a file such as ~/.ssh/id_ed25519.pub", "%q is no public key", start(line))
		}
		if len(options) > 0 {
			return l.wrong("appliance.ssh_keys", "begin the line with the kind of the key, such as ssh-ed25519", "%q has options before the key", start(line))
		}
	}
	for _, k := range l.Appliance.UpdateKeys {
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(k)); err != nil || len(b) != 42 || string(b[:2]) != "Ed" {
			return l.wrong("appliance.update_keys", "copy the second line of a minisign.pub, which begins with RW", "%q is no public key of minisign", start(k))
		}
	}
	return nil
}

// start is enough of a line to find it by. A secret key that was given by mistake is not repeated.
func start(line string) string {
	if strings.Contains(line, "PRIVATE") {
		return "a private key"
	}
	if len(line) > 24 {
		return line[:24] + "..."
	}
	return line
}

var word = regexp.MustCompile(`^[a-z_]{1,16}$`)

func (l *Loaded) checkGovernor() error {
	if g := l.Appliance.Governor; g != "" && !word.MatchString(g) {
		return l.wrong("appliance.governor", "use powersave, ondemand, schedutil, conservative or performance", "%q is no governor", g)
	}
	return nil
}

// Addresses of an ADS1015 or ADS1115 by how its pin ADDR is wired (data sheet, table 7-2).
const firstADC, lastADC = 0x48, 0x4b

func (l *Loaded) checkBattery() error {
	b := l.Battery
	switch {
	case b.ADC != "" && b.ADC != "ads1015" && b.ADC != "ads1115":
		return l.wrong("battery.adc", "use ads1015 or ads1115", "%q is no converter that we know", b.ADC)
	case b.Address < firstADC || b.Address > lastADC:
		return l.wrong("battery.address", "give 72 to 75, by how ADDR is wired: to GND, VDD, SDA, SCL", "%d cannot be the address of such a converter", b.Address)
	case b.Channel < 0 || b.Channel > 3:
		return l.wrong("battery.channel", "give 0 to 3", "%d is no input of the converter", b.Channel)
	case !(b.Ratio >= 1 && b.Ratio <= 100):
		return l.wrong("battery.ratio", "give 1 without a divider, else (upper + lower resistor) / lower, at most 100", "%v is no ratio of a divider", b.Ratio)
	case !(b.LowVolts >= 0 && b.LowVolts <= 100):
		return l.wrong("battery.low_volts", "give volts, such as 11.8", "%v V is out of range", b.LowVolts)
	case !(b.ShutdownVolts >= 0 && b.ShutdownVolts <= 100):
		return l.wrong("battery.shutdown_volts", "give volts, such as 11.2", "%v V is out of range", b.ShutdownVolts)
	case b.LowVolts > 0 && b.ShutdownVolts >= b.LowVolts:
		return l.wrong("battery.shutdown_volts", "give less than low_volts, so that there is a warning before", "%v V is not below low_volts", b.ShutdownVolts)
	}
	return nil
}
