package main

import (
	"bytes"
	"cmp"
	"context"
	"os"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/hotspot"
	"packhorse/gateway/admin"
)

// openWanted opens the Wi-Fi network where the owner's file has [ap] on = true. The flash image has no Wi-Fi.
func (a *app) openWanted(ctx context.Context, l *config.Loaded, w setupWanted, s admin.Status, r *setupReport) error {
	if _, err := os.Stat(card.ReleasePath); w.from == "" || !l.AP.On || err == nil {
		return nil
	}
	if !a.root {
		return refused("sudo packhorse setup --from "+w.from, "[ap] on = true: only root may open a network")
	}
	name := "Wi-Fi network " + ssidOf(l, s.Name)
	if a.manager().isOpen(ctx, l, s) {
		r.already(name)
		return nil
	}
	err := a.alone(ctx, func() error {
		_, notes, err := a.openAP(ctx, l, s, apAsked{})
		for _, n := range notes[:max(len(notes)-1, 0)] { // the last is of the page
			r.done("Wi-Fi: " + n)
		}
		return err
	})
	if err == nil {
		r.done(name + ": packhorse get ap shows its passphrase")
		r.Files = append(r.Files, hotspot.KeyfilePath)
	}
	return err
}

// isOpen tells that the network is up as it is configured.
func (m manager) isOpen(ctx context.Context, l *config.Loaded, s admin.Status) bool {
	if l.AP.Passphrase == "" && l.Origin("ap.passphrase") == "default" {
		return false // none was drawn yet
	}
	want := hotspot.Network{SSID: ssidOf(l, s.Name), Passphrase: l.AP.Passphrase, Interface: l.AP.Interface}
	have, err := current(m.at(hotspot.KeyfilePath))
	country, err2 := current(m.at(hotspot.CountryPath))
	code, err3 := countryFor(l, cmp.Or(l.Region, s.Region), "")
	same := bytes.Equal(have, want.Keyfile()) && hotspot.CountryOf(country) == code
	return cmp.Or(err, err2, err3) == nil && same && m.active(ctx)
}
