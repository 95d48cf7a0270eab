package config

import (
	"strings"
	"testing"
)

func TestInternetGatewayIsChecked(t *testing.T) {
	good := "[internet_gateway]\naddress = \"gw.example.org\"\npoweb = \":443\"\npohttp = \":443\"\ncogrpc = \":8443\"\ntls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n"
	for name, c := range map[string]struct{ want, old, new string }{
		"good":              {"", "", ""},
		"off":               {"", "address = \"gw.example.org\"", "address = \"\""},
		"behind a proxy":    {"", good[len("[internet_gateway]\n"):], "address = \"gw.example.org\"\nplain = true\npoweb = \"127.0.0.1:8080\"\n"},
		"no server":         {"listens nowhere", "poweb = \":443\"\npohttp = \":443\"\ncogrpc = \":8443\"\n", ""},
		"no domain":         {"not a domain name", "gw.example.org", "gw"},
		"no certificate":    {"certificate for TLS", "tls_cert = \"c.pem\"\n", ""},
		"plain and open":    {"without TLS", "tls_cert", "plain = true\ntls_cert"},
		"one port for both": {"taken by another", ":8443", ":443"},
		"not an address":    {"no address", ":8443", "8443"},
		"too much":          {"does not fit", "tls_cert", "max_parcel_bytes = 1000000000000\ntls_cert"},
		"tiny cargo":        {"out of range", "tls_cert", "max_cargo_bytes = 10\ntls_cert"},
		"allowed":           {"", "tls_cert", "allow = [\"0" + strings.Repeat("ab", 32) + "\"]\ntls_cert"},
		"no id":             {"is no id", "tls_cert", "allow = [\"mine\"]\ntls_cert"},
		"no parcels":        {"too small", "tls_cert", "max_parcels = 1\ntls_cert"},
	} {
		_, err := load(t, map[string]string{"packhorse.toml": strings.Replace(good, c.old, c.new, 1)})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
