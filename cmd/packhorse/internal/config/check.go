package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"

	"packhorse/gateway/domain"
	"packhorse/radio/phy"
)

// ValidName tells whether a gateway, a domain, a radio or a peer may be called so.
func ValidName(s string) bool { return domain.CheckName(s) == nil }

// wrong is an error about the value of a key.
func (l *Loaded) wrong(key, fix, format string, a ...any) error {
	where := l.Origin(key)
	if where == "default" {
		where = l.whole(key)
	}
	return &Error{Where: where, Message: key[strings.LastIndexByte(key, '.')+1:] + ": " + fmt.Sprintf(format, a...), Fix: fix}
}

// whole is the place of a key that was not given: its table's first key, or the file.
func (l *Loaded) whole(key string) string {
	table := key[:strings.LastIndexByte(key, '.')+1]
	for _, k := range Keys {
		if at, ok := l.Origins[table+k.Name[strings.LastIndexByte(k.Name, '.')+1:]]; ok && table != "" {
			return at
		}
	}
	return l.Path
}

const nameFix = "use 1 to 24 letters, digits and dashes, no dash at either end"

func (l *Loaded) check() error {
	if !ValidName(l.Name) {
		return l.wrong("name", nameFix, "%q is not a name", l.Name)
	}
	if _, err := phy.LookupRegion(l.Region); l.Region != "" && err != nil {
		return l.wrong("region", "use one of "+strings.Join(phy.Regions(), ", "), "%q is no region that we know", l.Region)
	}
	if l.Store.MaxBytes < 1<<20 {
		return l.wrong("store.max_bytes", "give at least 1048576", "%d is too small", l.Store.MaxBytes)
	}
	if l.Store.MaxParcels < 1 {
		return l.wrong("store.max_parcels", "give at least 1", "%d is too small", l.Store.MaxParcels)
	}
	if n := l.Store.MaxParcelBytes; n < 1 || n > l.Store.MaxBytes/2 {
		return l.wrong("store.max_parcel_bytes", "give 1 to half of store.max_bytes: letters and transfers need room too", "%d does not fit", n)
	}
	if n := l.Store.LingerMS; n < 0 || n > 1000 {
		return l.wrong("store.linger_ms", "give 0 to 1000", "%d ms is out of range", n)
	}
	for _, a := range []struct{ key, value string }{{"poweb.listen", l.PoWeb.Listen}, {"internet.listen", l.Internet.Listen}, {"courier.listen", l.Courier.Listen},
		{"internet_gateway.poweb", l.Gateway.PoWeb}, {"internet_gateway.pohttp", l.Gateway.PoHTTP}, {"internet_gateway.cogrpc", l.Gateway.CogRPC},
		{"appliance.ssh_listen", l.Appliance.SSHListen}, {"page.listen", l.Page.Listen}} {
		if err := l.address(a.key, a.value); err != nil {
			return err
		}
	}
	if n := l.Courier.KeepDays; n < 1 || n > 180 {
		return l.wrong("courier.keep_days", "give 1 to 180", "%d days are out of range", n)
	}
	if n := l.Courier.MeshMB; n < 1 || n > 1_000_000 {
		return l.wrong("courier.mesh_mb_per_day", "give 1 to 1000000", "%d is out of range", n)
	}
	if err := l.checkGateway(); err != nil {
		return err
	}
	for i := range l.Radio {
		if err := l.checkRadio(i); err != nil {
			return err
		}
	}
	for i := range l.Internet.Peer {
		if err := l.checkPeer(i); err != nil {
			return err
		}
	}
	if err := l.checkBox(); err != nil {
		return err
	}
	return l.checkUplink()
}

func (l *Loaded) address(key, v string) error {
	if v == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return l.wrong(key, "write host:port, such as 127.0.0.1:13276", "%q is no address", v)
	}
	return nil
}

func (l *Loaded) checkPeer(i int) error {
	p, key := l.Internet.Peer[i], fmt.Sprintf("internet.peer.%d.", i)
	if !ValidName(p.Name) {
		return l.wrong(key+"name", nameFix, "%q is not a name for a peer", p.Name)
	}
	if b, err := hex.DecodeString(p.ID); err != nil || len(b) != 32 {
		return l.wrong(key+"id", "copy `id` from the peer's `packhorse status --json`", "%q is not a gateway id of 64 hex digits", p.ID)
	}
	for j := range i {
		if l.Internet.Peer[j].ID == p.ID {
			return l.wrong(key+"id", "remove one of the two", "peer %s is defined twice, first in %s", p.Name, l.Origin(fmt.Sprintf("internet.peer.%d.id", j)))
		}
	}
	if p.Address == "" {
		return l.wrong(key+"address", "write host:port", "peer %s has no address to dial", p.Name)
	}
	return l.address(key+"address", p.Address)
}
