package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// probes are what phones and computers fetch to learn whether a network leads to the Internet: Android, Apple, Windows, Firefox,
// GNOME and KDE. Any answer but the expected one makes them show what they got, to sign in; so all are led to the page.
var probes = []string{"/generate_204", "/gen_204", "/hotspot-detect.html", "/library/test/success.html", "/connecttest.txt", "/ncsi.txt", "/redirect",
	"/canonical.html", "/success.txt", "/check_network_status.txt", "/nm-check.txt", "/kde/check"}

func probe(path string) bool { return slices.Contains(probes, path) }

// ours tells whether a request names this box, and not another site whose name was made to lead here: such a site's scripts
// could read what they get (DNS rebinding). Addresses cannot be made to.
func ours(r *http.Request) bool {
	host := hostOf(r.Host)
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return slices.Contains([]string{"localhost", "packhorse", "packhorse.local", "packhorse.lan", Name}, strings.ToLower(host))
}

// Name leads to the page for whoever is in the network of the box: its name server answers every name with the box.
const Name = "packhorse.internal"

func hostOf(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.Trim(strings.TrimSuffix(host, "."), "[]")
}

// home is the page by the address at which the request came in.
func home(r *http.Request) string {
	a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return "/"
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "/"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().WithZone("").String()
	}
	if port != "80" {
		return "http://" + net.JoinHostPort(host, port) + "/"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "http://" + host + "/"
}
