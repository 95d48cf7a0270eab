package clock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/beevik/ntp"
)

// errGoAway is a kiss of death: the server does not want to be asked (RFC 5905 section 7.4).
var errGoAway = errors.New("clock: the server asks to be left alone")

const (
	ntpPort     = 123
	answerAfter = 5 * time.Second
)

// query asks one server once.
func query(_ context.Context, server netip.AddrPort) (sample, error) {
	r, err := ntp.QueryWithOptions(server.String(), ntp.QueryOptions{Timeout: answerAfter})
	if err != nil {
		return sample{}, err
	}
	return judge(server.String(), r)
}

// judge refuses answers of servers that know the time no better than we do (RFC 5905 appendix A.5.1.1).
func judge(server string, r *ntp.Response) (sample, error) {
	if r.IsKissOfDeath() {
		return sample{}, fmt.Errorf("%w: %q", errGoAway, r.KissCode)
	}
	if err := r.Validate(); err != nil {
		return sample{}, err
	}
	if !plausible(r.Time) {
		return sample{}, fmt.Errorf("clock: %s shows the year %d", server, r.Time.Year())
	}
	s := sample{server: server, offset: r.ClockOffset, distance: r.RootDistance}
	switch r.Leap {
	case ntp.LeapAddSecond:
		s.leap = 1
	case ntp.LeapDelSecond:
		s.leap = -1
	}
	return s, nil
}

// lookup resolves "host", "host:port" or an address.
func lookup(ctx context.Context, name string) ([]netip.AddrPort, error) {
	host, port, err := splitServer(name)
	if err != nil {
		return nil, err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	out := make([]netip.AddrPort, 0, len(addrs))
	for _, a := range addrs {
		out = append(out, netip.AddrPortFrom(a.Unmap(), port))
	}
	return out, nil
}

// splitServer tells host and port of a server's name; the port is 123 where none is given.
func splitServer(name string) (host string, port uint16, err error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return a.String(), ntpPort, nil
	}
	host, text, err := net.SplitHostPort(name)
	if err != nil {
		return name, ntpPort, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("clock: %q is no time server", name)
	}
	return host, uint16(n), nil
}
