package config

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"packhorse/gateway/domain"
)

// checkBox looks at what setup, appliance, access point and battery take.
func (l *Loaded) checkBox() error {
	for _, check := range []func() error{l.checkSetup, l.checkAppliance, l.checkAP, l.checkBattery} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loaded) checkSetup() error {
	s := l.Setup
	switch {
	case s.Domain != "" && s.Join != "":
		return l.wrong("setup.join", "remove join to found a domain, or domain to join one", "a domain is either founded (domain) or joined (join), not both")
	case s.Domain != "" && !ValidName(s.Domain):
		return l.wrong("setup.domain", nameFix, "%q is not a name for a domain", s.Domain)
	case s.Join != "":
		if err := CheckJoin(s.Join); err != nil {
			return l.wrong("setup.join", "copy what packhorse pair shows on the gateway that founded the domain", "%s", strings.TrimPrefix(err.Error(), "domain: "))
		}
	}
	return nil
}

// CheckJoin tells whether a text can be the code or the invite of a pairing. Its errors never repeat the whole of it.
func CheckJoin(text string) error {
	if strings.Contains(text, ":") {
		_, err := domain.ParseInvite(text)
		return err
	}
	_, err := domain.ParseCode(text)
	return err
}

var (
	country = regexp.MustCompile(`^[A-Z]{2}$`)
	// device is what the kernel takes for the name of an interface (net/core/dev.c, dev_valid_name).
	device = regexp.MustCompile(`^[^/:\s]{1,15}$`)
)

// Bounds of IEEE 802.11 in octets, and of a WPA2 passphrase in characters (IEEE 802.11-2020, annex J.4).
const (
	maxSSID       = 32
	minPassphrase = 8
	maxPassphrase = 63
)

func (l *Loaded) checkAP() error {
	a := l.AP
	switch {
	case len(a.SSID) > maxSSID || !utf8.ValidString(a.SSID) || strings.ContainsFunc(a.SSID, unicode.IsControl):
		return l.wrong("ap.ssid", "give at most 32 octets without control characters", "%q cannot be the name of a Wi-Fi network", a.SSID)
	case a.Passphrase != "" && !validPassphrase(a.Passphrase):
		return l.wrong("ap.passphrase", "give 8 to 63 letters, digits, signs and blanks of ASCII", "this is no passphrase for WPA2")
	case a.Country != "" && !country.MatchString(a.Country):
		return l.wrong("ap.country", "give two capital letters, such as DE, FR or KE", "%q is no code of a country", a.Country)
	case !device.MatchString(a.Interface) || a.Interface == "." || a.Interface == "..":
		return l.wrong("ap.interface", "name the Wi-Fi device, such as wlan0: ip link shows all", "%q is no name of a device", a.Interface)
	}
	return nil
}

func validPassphrase(s string) bool {
	odd := strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	return !odd && len(s) >= minPassphrase && len(s) <= maxPassphrase
}

// Secret tells a key whose value is not shown unless it is asked for.
func Secret(key string) bool { return key == "ap.passphrase" || key == "setup.join" }
