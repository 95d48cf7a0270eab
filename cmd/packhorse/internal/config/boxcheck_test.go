package config

import (
	"strings"
	"testing"
)

func TestBoxTables(t *testing.T) {
	const invite = "packhorse:AEAA"
	for _, v := range []struct{ text, where, want string }{
		{"[setup]\ndomain = \"ridge\"\n", "", ""},
		{"[setup]\njoin = \"k7qm 2xtd\"\n", "", ""},
		{"[setup]\ndomain = \"ridge\"\njoin = \"K7QM-2XTD\"\n", ":3", "not both"},
		{"[setup]\ndomain = \"the ridge\"\n", ":2", "not a name for a domain"},
		{"[setup]\njoin = \"K7QM-2X\"\n", ":2", "8 characters"},
		{"[setup]\njoin = \"" + invite + "\"\n", ":2", "invite"},
		{"[ap]\nssid = \"" + strings.Repeat("x", 33) + "\"\n", ":2", "name of a Wi-Fi network"},
		{"[ap]\nssid = \"a\\u0007\"\n", ":2", "name of a Wi-Fi network"},
		{"[ap]\nssid = \"Füße; 2\"\n", "", ""},
		{"[ap]\non = true\npassphrase = \"1234567\"\n", ":3", "no passphrase"},
		{"[ap]\npassphrase = \"Füße Füße\"\n", ":2", "no passphrase"},
		{"[ap]\npassphrase = \"" + strings.Repeat("x", 63) + "\"\ncountry = \"DE\"\n", "", ""},
		{"[ap]\npassphrase = \"" + strings.Repeat("x", 64) + "\"\n", ":2", "no passphrase"},
		{"[ap]\ncountry = \"de\"\n", ":2", "no code of a country"},
		{"[ap]\ninterface = \"../etc\"\n", ":2", "name of a device"},
		{"[page]\nlisten = \"80\"\n", ":2", "no address"},
		{"[page]\nlisten = \":80\"\n", "", ""},
	} {
		_, err := load(t, map[string]string{"packhorse.toml": v.text})
		if v.want == "" {
			if err != nil {
				t.Errorf("%q: got %v", v.text, err)
			}
			continue
		}
		e, ok := err.(*Error)
		if !ok || !strings.HasSuffix(e.Where, v.where) || !strings.Contains(e.Message, v.want) || e.Fix == "" {
			t.Errorf("%q: got %#v, want %q at %s", v.text, err, v.want, v.where)
		}
		if err != nil && (strings.Contains(err.Error(), "1234567") || strings.Contains(err.Error(), "K7QM-2X\"")) {
			t.Errorf("%q: %v shows a secret", v.text, err)
		}
	}
}
