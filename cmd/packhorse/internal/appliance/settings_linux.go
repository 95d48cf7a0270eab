package appliance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"packhorse/board/card"
	"packhorse/cmd/packhorse/internal/config"
)

// settings are what the init itself takes of the configuration.
type settings struct {
	Name      string           `json:"name" toml:"name"`
	Appliance config.Appliance `json:"appliance" toml:"appliance"`
	ports     []string         // serial ports that radios and a GPS receiver are on
}

// settingsFile keeps the last ones that were right, so that a mistake in the configuration keeps nobody out.
const settingsFile = card.DataDir + "/appliance.json"

// load reads the configuration as the gateway will.
func load() (settings, error) {
	host, _ := os.Hostname()
	env := map[string]string{"PACKHORSE_STATE": card.StateDir, "PACKHORSE_SOCKET": card.Socket}
	l, err := config.Load(config.Options{Getenv: func(k string) string { return env[k] }, Host: host})
	if err != nil {
		return settings{}, err
	}
	return settings{Name: l.Name, Appliance: l.Appliance, ports: portsOf(l)}, nil
}

// portsOf are the serial ports that the gateway will open, as the configuration and its boards name them.
func portsOf(l *config.Loaded) []string {
	ports := []string{l.GPS}
	for _, r := range l.Radio {
		ports = append(ports, r.Port)
		for _, p := range l.Boards {
			if p.Name == r.Board {
				ports = append(ports, p.UART.Device)
			}
		}
	}
	return slices.DeleteFunc(ports, func(p string) bool { return p == "" })
}

// configure loads the configuration. Its error is for a person.
func (b *box) configure() error {
	host := defaultName()
	setHostname(host)
	s, err := load()
	if err != nil {
		s = fallback(config.DefaultPath, settingsFile)
		if s.Name == "" {
			s.Name = host
		}
	} else {
		remember(s)
	}
	b.settings, b.name = s, s.Name
	if s.Name != host {
		setHostname(s.Name)
	}
	return explain(err)
}

// explain says a mistake in words, with its place, the line and what to do.
func explain(err error) error {
	var c *config.Error
	if !errors.As(err, &c) {
		return err
	}
	where := strings.Replace(c.Where, configDir+"/packhorse.toml", card.ConfigFile, 1)
	text := where + ": " + c.Message
	if c.Excerpt != "" {
		text += "\n" + strings.TrimRight(c.Excerpt, "\n")
	}
	if c.Fix != "" {
		text += "\nfix: " + c.Fix
	}
	return errors.New(text)
}

// remember writes settings that are right, when they changed.
func remember(s settings) {
	b, err := json.Marshal(s)
	if err != nil {
		return
	}
	if old, err := os.ReadFile(settingsFile); err == nil && string(old) == string(b) {
		return
	}
	if os.WriteFile(settingsFile+".new", b, 0o600) == nil {
		_ = os.Rename(settingsFile+".new", settingsFile)
	}
}

// fallback is what can be had with a mistake in the configuration: what the file says all the same, else the last ones
// that were right, else nothing but the defaults.
func fallback(file, last string) settings {
	s := settings{Appliance: config.ApplianceDefaults()}
	if text, err := os.ReadFile(file); err == nil && toml.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &s) == nil {
		return s
	}
	s = settings{Appliance: config.ApplianceDefaults()}
	if text, err := os.ReadFile(last); err == nil {
		_ = json.Unmarshal(text, &s)
	}
	return s
}

func (b *box) updateKeys() ([]string, error) {
	s, err := load()
	if err != nil {
		s = fallback(config.DefaultPath, settingsFile)
	}
	return s.Appliance.UpdateKeys, err
}

// defaultName tells boxes apart whose owner gave no name: by the end of the board's serial number.
func defaultName() string {
	b, err := os.ReadFile("/proc/device-tree/serial-number")
	serial := strings.Trim(string(b), "\x00 \n")
	if err != nil || len(serial) < 4 {
		return "packhorse"
	}
	return config.Hostname(fmt.Sprintf("packhorse-%s", serial[len(serial)-4:]))
}
