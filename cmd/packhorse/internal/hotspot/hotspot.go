// Package hotspot is the Wi-Fi network of the box as NetworkManager makes it: what its files hold and what nmcli says. Pure:
// who writes files and starts programs is elsewhere.
package hotspot

import (
	"fmt"
	"io"
	"strings"
)

// Names and places. Connection is what the network is called in NetworkManager, and ID its key there: the same on each box, as
// it never leaves it.
const (
	Connection = "packhorse-ap"
	ID         = "0d0b4bd6-4f0c-4b5c-9f0e-7a0c6e0f5a47"

	Address = "10.42.47.1" // of the box in the network: next to those that NetworkManager chooses itself
	bits    = 24

	KeyfilePath = "/etc/NetworkManager/system-connections/packhorse-ap.nmconnection" // mode 0600, or NetworkManager passes it over
	DNSPath     = "/etc/NetworkManager/dnsmasq-shared.d/packhorse.conf"
	CountryPath = "/etc/modprobe.d/packhorse-wifi.conf"
)

// Network is one to make.
type Network struct {
	SSID       string // 1 to 32 octets
	Passphrase string // 8 to 63 characters of ASCII; empty: an open network
	Interface  string
}

const written = "# Written by `packhorse set ap on`; `packhorse set ap off` removes it.\n"

// Keyfile is the connection in NetworkManager's own format (nm-settings-keyfile(5)).
func (n Network) Keyfile() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s[connection]\nid=%s\nuuid=%s\ntype=wifi\ninterface-name=%s\nautoconnect=true\n\n", written, Connection, ID, n.Interface)
	fmt.Fprintf(&b, "[wifi]\nmode=ap\nband=bg\nssid=%s\n\n", ssid(n.SSID))
	if n.Passphrase != "" {
		fmt.Fprintf(&b, "[wifi-security]\nkey-mgmt=wpa-psk\nproto=rsn;\npairwise=ccmp;\ngroup=ccmp;\npsk=%s\n\n", value(n.Passphrase))
	}
	fmt.Fprintf(&b, "[ipv4]\nmethod=shared\naddress1=%s/%d\n\n[ipv6]\nmethod=disabled\n", Address, bits)
	return []byte(b.String())
}

// ssid is the name as text where nothing in it could be misread, else as a list of octets.
func ssid(s string) string {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	if !strings.ContainsFunc(s, odd) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%d;", s[i])
	}
	return b.String()
}

// value escapes a text for a key file (Desktop Entry Specification, "Possible value types").
func value(s string) string { return strings.NewReplacer(`\`, `\\`, " ", `\s`).Replace(s) }

// DNS has the name server of the network answer every name with the box, so that phones open its page.
func DNS() []byte { return []byte(written + "address=/#/" + Address + "\n") }

// Country sets whose Wi-Fi rules the kernel keeps, from the next start of the computer on.
func Country(code string) []byte {
	return []byte(written + "options cfg80211 ieee80211_regdom=" + code + "\n")
}

// CountryOf reads what Country wrote; empty: no country.
func CountryOf(file []byte) string {
	_, code, _ := strings.Cut(string(file), " ieee80211_regdom=")
	return strings.TrimSpace(code)
}

// Passphrase draws one of twelve digits, which is easy to type on any phone, from 12 octets of rand.
func Passphrase(rand io.Reader) (string, error) {
	b := make([]byte, 0, 14)
	for len(b) < 14 {
		if len(b)%5 == 4 {
			b = append(b, '-')
		}
		var one [1]byte
		if _, err := io.ReadFull(rand, one[:]); err != nil {
			return "", fmt.Errorf("hotspot: no random octets for a passphrase: %w", err)
		}
		if one[0] < 250 { // else the first digits would be likelier
			b = append(b, '0'+one[0]%10)
		}
	}
	return string(b), nil
}
