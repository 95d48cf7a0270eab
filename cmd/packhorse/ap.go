package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/hotspot"
	"packhorse/gateway/admin"
	"packhorse/gateway/web"
)

// apAddress is that of the box in its own network.
const apAddress = hotspot.Address

// apAsked is what the command line wants of the access point.
type apAsked struct {
	country string
	replace bool // a network that the device is in now is left
}

type apState struct {
	admin.Head
	On         bool     `json:"on"`
	Active     bool     `json:"active"`
	SSID       string   `json:"ssid,omitempty"`
	Country    string   `json:"country,omitempty"`
	Interface  string   `json:"interface"`
	Open       bool     `json:"open"`
	Passphrase string   `json:"passphrase,omitempty"`
	Address    string   `json:"address,omitempty"`
	Page       string   `json:"page,omitempty"`
	URI        string   `json:"uri,omitempty"`
	Notes      []string `json:"notes"`
}

// ssidOf is what the network of the box is called.
func ssidOf(l *config.Loaded, name string) string { return cmp.Or(l.AP.SSID, name, l.Name) }

// setAP opens or closes the network.
func (a *app) setAP(ctx context.Context, value string, asked apAsked) error {
	on, err := config.ParseBool(value)
	switch {
	case err != nil:
		return usage("packhorse set ap on, or packhorse set ap off", "%q is neither on nor off", value)
	case on && a.appliance():
		return refused("reach the box over Ethernet; a box that is an access point is Raspberry Pi OS with the Debian package: docs/WIFI.md", "the flash image has no Wi-Fi")
	case !a.root:
		return refused("sudo packhorse set ap "+value, "only root may change the networks of this computer")
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	s, _, err := a.statusNow(ctx)
	if err != nil {
		return err
	}
	if !on {
		return a.apOff(ctx, l, s.Name)
	}
	now, notes, err := a.openAP(ctx, l, s, asked)
	if err != nil {
		return err
	}
	return a.showAP(ctx, now, s.Name, notes)
}

// openAP opens the network, and answers the configuration that it is in then. Where that fails, all is as it was.
func (a *app) openAP(ctx context.Context, l *config.Loaded, s admin.Status, asked apAsked) (now *config.Loaded, notes []string, err error) {
	country, err := countryFor(l, cmp.Or(l.Region, s.Region), asked.country)
	if err != nil {
		return nil, nil, err
	}
	m := a.manager()
	if err := m.ready(ctx, l.AP.Interface, asked.replace); err != nil {
		return nil, nil, err
	}
	was, err := m.before(ctx)
	if err != nil {
		return nil, nil, err
	}
	passphrase := l.AP.Passphrase
	if passphrase == "" && l.Origin("ap.passphrase") == "default" {
		if passphrase, err = hotspot.Passphrase(rand.Reader); err != nil {
			return nil, nil, err
		}
	}
	done, err := a.writeAP(l, map[string]any{"ap.on": true, "ap.country": country, "ap.passphrase": passphrase})
	if err != nil {
		return nil, nil, err
	}
	network := hotspot.Network{SSID: ssidOf(done.now, s.Name), Passphrase: passphrase, Interface: done.now.AP.Interface}
	notes, err = m.open(ctx, network, country)
	if err != nil {
		return nil, nil, errors.Join(err, done.undo(), m.putBack(ctx, was))
	}
	words, _, err := a.force(ctx, done)
	if err != nil {
		return nil, nil, errors.Join(err, m.putBack(ctx, was))
	}
	return done.now, append(notes, "the page shows it: "+words), nil
}

// writeAP puts values into conf.d/90-set.toml. Empty ones are left out, where nothing else was said of them.
func (a *app) writeAP(l *config.Loaded, values map[string]any) (changed, error) {
	path := partPath(l, setPart)
	text, err := current(path)
	if err != nil {
		return changed{}, unwritable(path, err)
	}
	for key, v := range values {
		p, err := l.Find(key)
		if err != nil {
			return changed{}, err
		}
		if v == "" || fmt.Sprint(v) == p.Text() {
			continue
		}
		if text, err = p.Edit(writtenBy("set"), text, v); err != nil {
			return changed{}, err
		}
	}
	return a.change(map[string][]byte{path: text})
}

// countryFor is whose Wi-Fi rules are to be kept.
func countryFor(l *config.Loaded, region, asked string) (string, error) {
	code := cmp.Or(strings.ToUpper(asked), l.AP.Country, alone[region])
	const fix = "packhorse set ap on --country DE (or FR, ES, GB, KE, ...: the two letters of the country)"
	switch {
	case code == "" && region == "":
		return "", usage(fix, "Wi-Fi needs to know the country, and no region is set that would tell")
	case code == "":
		return "", usage(fix, "Wi-Fi needs to know the country: region %s is in several", region)
	case !countryCode.MatchString(code):
		return "", usage(fix, "%q is no code of a country", code)
	case alone[region] != "" && alone[region] != code:
		return "", usage("give the country where the box stands, or correct the region: packhorse get region", "country %s is not that of region %s, which is %s", code, region, alone[region])
	}
	for _, c := range countries {
		if c.code == code && alone[c.region] != "" && region != "" && c.region != region && alone[region] == "" {
			return "", usage("give the country where the box stands, or correct the region: packhorse get region", "%s is not in region %s", c.name, region)
		}
	}
	return code, nil
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

func (a *app) apOff(ctx context.Context, l *config.Loaded, name string) error {
	done, err := a.writeAP(l, map[string]any{"ap.on": false})
	if err != nil {
		return err
	}
	if err := a.manager().remove(ctx); err != nil {
		return err
	}
	words, _, err := a.force(ctx, done)
	if err != nil {
		return err
	}
	return a.showAP(ctx, done.now, name, []string{"the page no longer shows it: " + words, "name and passphrase are kept for the next time; packhorse set ap.passphrase --default has a new one drawn"})
}

// getAP shows the network, as it is configured and as it is.
func (a *app) getAP(ctx context.Context) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	s, _, err := a.statusNow(ctx)
	if err != nil {
		return err
	}
	return a.showAP(ctx, l, s.Name, nil)
}

func (a *app) showAP(ctx context.Context, l *config.Loaded, name string, notes []string) error {
	v := apState{Head: a.head("packhorse.ap/1"), On: l.AP.On, Country: l.AP.Country, Interface: l.AP.Interface, Notes: some(notes)}
	v.Active = a.manager().active(ctx)
	if w := wifiOf(l, name); w != nil {
		v.SSID, v.Passphrase, v.Open, v.URI = w.SSID, w.Passphrase, w.Passphrase == "", w.URI()
		v.Address, v.Page = apAddress, "http://"+web.Name
		if _, port, err := net.SplitHostPort(l.Page.Listen); err == nil && port != "80" {
			v.Page = "http://" + net.JoinHostPort(apAddress, port)
		}
	}
	return a.answer(v, func() { a.sayAP(v) })
}

func (a *app) sayAP(v apState) {
	if v.URI != "" {
		if s, err := halfBlocks(v.URI); err == nil {
			a.hint("%s", s)
		}
	}
	switch {
	case v.On && v.Active:
		a.say("on: %s on %s, country %s", cell(v.SSID), v.Interface, cell(v.Country))
	case v.On:
		a.say("on, but not up: %s on %s; fix: sudo packhorse set ap on", cell(v.SSID), v.Interface)
	default:
		a.say("off")
	}
	if v.On {
		a.say("passphrase  %s", map[bool]string{true: "none: anybody may join", false: v.Passphrase}[v.Open])
		a.say("page        %s, also http://%s", v.Page, v.Address)
	}
	for _, n := range v.Notes {
		a.hint("note: %s", clean(n))
	}
}

// appliance tells whether this is a box that runs from the flash image.
func (a *app) appliance() bool {
	_, err := os.Stat(a.at(card.ReleasePath))
	return err == nil
}

// at is a path of the system, which tests have elsewhere.
func (a *app) at(path string) string { return filepath.Join(cmp.Or(a.sysroot, "/"), path) }

// writeSystem writes a file of the system for root.
func writeSystem(path string, text []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return unwritable(path, err)
	}
	if err := replaceAs(path, text, mode); err != nil {
		return unwritable(path, err)
	}
	return nil
}
