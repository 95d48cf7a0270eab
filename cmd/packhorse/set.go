package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
)

func (a *app) setCommand() *cobra.Command {
	var asDefault bool
	var ap apAsked
	c := &cobra.Command{
		Use:   "set KEY VALUE",
		Short: "change one key of the configuration",
		Long: `Writes one key into conf.d/90-set.toml beside the configuration and has the running gateway take it up. KEY is one of docs/CONFIG.md, such as
poweb.listen, or RADIO.KEY for a radio by its name: lora0.power_dbm, or lora0.power. The unit may be written: 14dBm. Lists have commas. The whole
configuration is checked first, by the law too: a mistake changes nothing. Files that you wrote are never changed.

"packhorse set ap on", as root, opens a Wi-Fi network for the people around the box through NetworkManager, with the page of the box in it; off takes it away again
(docs/WIFI.md). "packhorse get" shows a value and where it comes from.`,
		Example: "  packhorse set lora0.power 14\n  packhorse set lora0.power --default\n  packhorse set ap on",
		Args: func(c *cobra.Command, args []string) error {
			if want := 2 - len(map[bool][]int{true: {1}}[asDefault]); len(args) != want {
				return usage("packhorse set lora0.power 14, or packhorse set lora0.power --default", "packhorse set takes a key and its value, or a key and --default")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] == "ap" && !asDefault {
				return a.alone(c.Context(), func() error { return a.setAP(c.Context(), args[1], ap) })
			}
			if ap != (apAsked{}) {
				return usage("packhorse set ap on --country DE", "--country and --replace are for packhorse set ap on")
			}
			return a.alone(c.Context(), func() error { return a.set(c.Context(), args, asDefault) })
		},
	}
	c.Flags().BoolVar(&asDefault, "default", false, "take back what was set: the value of the other files or the default holds again")
	c.Flags().StringVar(&ap.country, "country", "", "of set ap on: two `letters` of the country whose Wi-Fi rules apply")
	c.Flags().BoolVar(&ap.replace, "replace", false, "of set ap on: leave the network that the Wi-Fi device is in")
	return c
}

type setResult struct {
	admin.Head
	Key     string   `json:"key"`
	Value   string   `json:"value,omitempty"`
	Unit    string   `json:"unit,omitempty"`
	Origin  string   `json:"origin"`
	File    string   `json:"file"`
	Changed bool     `json:"changed"`
	Force   string   `json:"force"`
	Restart []string `json:"restart"`
}

// set changes one key, and says what holds now.
func (a *app) set(ctx context.Context, args []string, asDefault bool) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	p, err := l.Find(args[0])
	if err != nil {
		return err
	}
	var v any
	if !asDefault {
		if v, err = p.Parse(args[1]); err != nil {
			return err
		}
	}
	path := partPath(l, setPart)
	old, err := current(path)
	if err != nil {
		return unwritable(path, err)
	}
	text, err := p.Edit(writtenBy("set"), old, v)
	if err != nil {
		return err
	}
	done, err := a.change(map[string][]byte{path: text})
	if err != nil {
		return a.withoutSecret(p, args, err)
	}
	return a.saySet(ctx, done, p.Key, path)
}

// withoutSecret makes sure that a refused value is not repeated.
func (a *app) withoutSecret(p config.Place, args []string, err error) error {
	e := admin.AsError(err)
	if p.Secret && len(args) > 1 && args[1] != "" && strings.Contains(e.Message, args[1]) {
		return usage("docs/CONFIG.md says what it may be", "%s: the value is not accepted", p.Key)
	}
	return err
}

func (a *app) saySet(ctx context.Context, done changed, key, path string) error {
	l := done.now
	p, err := l.Find(key)
	if err != nil {
		return err
	}
	words, restart, err := a.force(ctx, done)
	if err != nil {
		return err
	}
	if a.gateway != nil {
		words = since(key, restart)
	}
	differs := len(done.old) > 0
	v := setResult{Head: a.head("packhorse.set/1"), Key: p.Key, Value: shown(p, false), Unit: p.Unit, Origin: p.Origin(l), File: path, Changed: differs, Force: words, Restart: some(restart)}
	return a.answer(v, func() {
		a.say("%s = %s", p.Key, valueText(p, false))
		if v.Origin != "default" && !strings.HasPrefix(v.Origin, path) {
			a.hint("note: %s wins over it", v.Origin)
		}
		a.hint("%s", map[bool]string{true: words, false: "it was so already; " + words}[differs])
		if words == later && !a.appliance() {
			a.hint("next: sudo systemctl restart packhorse; without systemd, end packhorse run and start it again")
		} else if words == later {
			a.hint("next: reboot")
		}
	})
}

// later is since for what a running gateway does not take up.
const later = "in force at the next start"

// since is from when on a key is in force, where others may wait for a new start of the gateway.
func since(key string, restart []string) string {
	waits := slices.ContainsFunc(restart, func(k string) bool { return k == key || strings.HasPrefix(key, k+".") })
	switch {
	case waits:
		return later
	case key == "name":
		return "for a gateway that is made anew; this one is renamed by: packhorse up --name"
	case strings.HasPrefix(key, "setup."):
		return "for the next packhorse setup"
	}
	return "in force"
}

// shown is a value for people and JSON; a secret only when asked for.
func shown(p config.Place, secrets bool) string {
	if p.Secret && !secrets && p.Text() != "" {
		return hidden
	}
	return p.Text()
}

// hidden stands for a secret.
const hidden = "(hidden)"

// valueText is a value with its unit.
func valueText(p config.Place, secrets bool) string {
	s := clean(shown(p, secrets))
	switch {
	case s == "" && p.IsSet():
		return "(empty)"
	case !p.IsSet():
		return "(not set)"
	case p.Unit != "":
		return s + " " + p.Unit
	}
	return s
}

func (a *app) getCommand() *cobra.Command {
	var secrets bool
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "show one key of the configuration, and where its value comes from",
		Long: `Shows the value of a key with its unit and the file and line that it comes from. Of a radio's power also what it is set to, and what law and board
allow. A passphrase is not shown without --secrets. "packhorse get ap" shows the Wi-Fi network of the box, with the square to join it and its passphrase.`,
		Args: between(1, 1, "a key, such as lora0.power"),
		RunE: func(c *cobra.Command, args []string) error {
			if args[0] == "ap" {
				return a.getAP(c.Context())
			}
			l, err := a.load()
			if err != nil {
				return err
			}
			p, err := l.Find(args[0])
			if err != nil {
				return err
			}
			return a.get(c.Context(), l, p, secrets)
		},
	}
	c.Flags().BoolVar(&secrets, "secrets", false, "show passphrases")
	return c
}

type getResult struct {
	admin.Head
	Key      string `json:"key"`
	Value    string `json:"value,omitempty"`
	Unit     string `json:"unit,omitempty"`
	Origin   string `json:"origin"`
	InForce  *int   `json:"in_force_dbm,omitempty"`
	LawDBm   *int   `json:"law_dbm,omitempty"`
	RadioDBm *int   `json:"radio_dbm,omitempty"`
	Rule     string `json:"rule,omitempty"`
}

func (a *app) get(ctx context.Context, l *config.Loaded, p config.Place, secrets bool) error {
	v := getResult{Head: a.head("packhorse.get/1"), Key: p.Key, Value: shown(p, secrets), Unit: p.Unit, Origin: p.Origin(l)}
	if !p.IsSet() {
		v.Value = ""
	}
	note := a.powerOf(ctx, l, p, &v)
	return a.answer(v, func() {
		text := valueText(p, secrets)
		if !p.IsSet() && v.InForce != nil {
			text = fmt.Sprintf("%d dBm (not set: the region's plan)", *v.InForce)
		}
		a.say("%s%s", text, note)
		a.hint("%s, from %s", p.Key, v.Origin)
	})
}

// powerOf adds what law and radio allow where the key is a radio's power.
func (a *app) powerOf(ctx context.Context, l *config.Loaded, p config.Place, v *getResult) string {
	i, ok := p.Radio()
	if !ok || !strings.HasSuffix(p.Key, ".power_dbm") {
		return ""
	}
	region := a.regionInForce(ctx, l)
	if region == "" {
		return " (no region is set: nothing is transmitted)"
	}
	plan, err := a.radioPlan(region, l, l.Radio[i])
	if err != nil {
		return fmt.Sprintf(" (%v)", err)
	}
	law, radio, ok := plan.Most()
	v.InForce, v.Rule, v.RadioDBm = &plan.PowerDBm, plan.Rule.String(), &radio
	if !ok {
		return ""
	}
	v.LawDBm = &law
	return fmt.Sprintf(" (law allows %d, the radio %d)", law, radio)
}

// regionInForce is that of the files, or else the one that the gateway was given by `packhorse up`, if it runs.
func (a *app) regionInForce(ctx context.Context, l *config.Loaded) (region string) {
	if l.Region != "" {
		return l.Region
	}
	_ = a.with(func(b admin.Client) error {
		s, err := b.Status(ctx)
		region = s.Region
		return err
	})
	return region
}

// masked lists a configuration without its secrets.
func masked(list []config.Line) []config.Line {
	list = slices.Clone(list)
	for i, line := range list {
		if config.Secret(line.Key) && line.Value != `""` {
			list[i].Value = hidden
		}
	}
	return list
}
