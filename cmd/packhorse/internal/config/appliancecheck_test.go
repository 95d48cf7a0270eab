package config

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestApplianceTables(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@home"
	minisign := base64.StdEncoding.EncodeToString([]byte("Ed" + strings.Repeat("k", 40)))
	for _, v := range []struct{ text, where, want string }{
		{`address = "192.168.1.9/24"`, "", ""},
		{"address = \"192.168.1.9/24\"\nrouter = \"192.168.1.1\"\ndns = [\"9.9.9.9\", \"2620:fe::fe\"]", "", ""},
		{`address = "10.0.0.0/31"`, "", ""},
		{`address = "192.168.1.9"`, ":2", "no address for the box"},
		{`address = "192.168.1.0/24"`, ":2", "broadcast"},
		{`address = "192.168.1.255/24"`, ":2", "broadcast"},
		{`address = "127.0.0.1/8"`, ":2", "no address for the box"},
		{`address = "fe80::1/64"`, ":2", "no address for the box"},
		{"address = \"192.168.1.9/24\"\nrouter = \"192.168.2.1\"", ":3", "no router"},
		{"address = \"192.168.1.9/24\"\nrouter = \"192.168.1.9\"", ":3", "no router"},
		{`router = "192.168.1.1"`, ":2", "without a fixed address"},
		{`dns = ["dns.example"]`, ":2", "no address of a name server"},
		{`dns = ["9.9.9.9", "9.9.9.9", "9.9.9.9", "9.9.9.9"]`, ":2", "more than"},
		{`ntp = ["pool.ntp.org", "192.0.2.1", "ntp.lan:1123", "2001:db8::1", "[2001:db8::1]:123"]`, "", ""},
		{`ntp = ["http://time"]`, ":2", "no time server"},
		{`ntp = [""]`, ":2", "no time server"},
		{`ntp = ["a","a","a","a","a","a","a","a","a"]`, ":2", "too many"},
		{`ssh_keys = ["` + key + `"]`, "", ""},
		{`ssh_keys = ["me@home"]`, ":2", "no public key"},
		{`ssh_keys = ["no-pty ` + key + `"]`, ":2", "options"},
		{`ssh_keys = ["-----BEGIN OPENSSH PRIVATE KEY-----\nsecret"]`, ":2", "a private key"},
		{`update_keys = ["` + minisign + `"]`, "", ""},
		{`update_keys = ["RWabc"]`, ":2", "minisign"},
		{`governor = "on demand"`, ":2", "no governor"},
		{`governor = ""`, "", ""},
	} {
		_, err := load(t, map[string]string{"packhorse.toml": "[appliance]\n" + v.text + "\n"})
		wantWrong(t, v.text, err, v.where, v.want)
	}
}

func TestBatteryTable(t *testing.T) {
	for _, v := range []struct{ text, where, want string }{
		{"adc = \"ads1115\"\nratio = 11\nlow_volts = 11.8\nshutdown_volts = 11.2", "", ""},
		{`shutdown_volts = 11.2`, "", ""},
		{`adc = "mcp3008"`, ":2", "no converter"},
		{`address = 0x47`, ":2", "address of such a converter"},
		{`channel = 4`, ":2", "no input"},
		{`ratio = 0.5`, ":2", "no ratio"},
		{`ratio = nan`, ":2", "no ratio"},
		{`low_volts = -1`, ":2", "out of range"},
		{`shutdown_volts = inf`, ":2", "out of range"},
		{"low_volts = 11.2\nshutdown_volts = 11.8", ":3", "not below"},
	} {
		_, err := load(t, map[string]string{"packhorse.toml": "[battery]\n" + v.text + "\n"})
		wantWrong(t, v.text, err, v.where, v.want)
	}
}

// wantWrong expects an error about a line, with a fix; or none.
func wantWrong(t *testing.T, text string, err error, where, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%q: got %v", text, err)
		}
		return
	}
	e, ok := err.(*Error)
	if !ok || !strings.HasSuffix(e.Where, where) || !strings.Contains(e.Message, want) || e.Fix == "" || strings.Contains(err.Error(), "secret") {
		t.Errorf("%q: got %#v, want %q at %s", text, err, want, where)
	}
}
