package cogrpc

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	routeFile    = "/proc/net/route"
	probeTimeout = 3 * time.Second
	maxRoutes    = 64 << 10 // octets of the routing table that are read
	routeUp      = 0x1      // RTF_UP of Linux
	routeGateway = 0x2      // RTF_GATEWAY
)

// ErrNoCourier tells that no courier answers on the default gateway.
var ErrNoCourier = errors.New("no courier on this network: join the hotspot of the phone or gateway that carries cargo, and switch its sync on")

// Find looks for a courier where phones are that share their connection: at the default gateways of IPv4, best
// metric first. It opens a connection to each and closes it again.
func Find(ctx context.Context) (netip.AddrPort, error) {
	f, err := os.Open(routeFile)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("routing table: %w", err)
	}
	defer f.Close()
	for _, a := range defaultGateways(io.LimitReader(f, maxRoutes)) {
		if at := netip.AddrPortFrom(a, Port); Local(a) && answers(ctx, at) {
			return at, nil
		}
	}
	return netip.AddrPort{}, errors.Join(ErrNoCourier, ctx.Err())
}

// answers tells whether somebody takes connections there.
func answers(ctx context.Context, at netip.AddrPort) bool {
	d := net.Dialer{Timeout: probeTimeout}
	c, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// route is a default route through a gateway.
type route struct {
	gateway netip.Addr
	metric  int
}

// defaultGateways reads the routing table of Linux (proc(5), /proc/net/route). Lines that it does not
// understand are passed over.
func defaultGateways(r io.Reader) (out []netip.Addr) {
	var routes []route
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if one, ok := parseRoute(strings.Fields(lines.Text())); ok {
			routes = append(routes, one)
		}
	}
	slices.SortStableFunc(routes, func(a, b route) int { return a.metric - b.metric })
	for _, one := range routes {
		if !slices.Contains(out, one.gateway) {
			out = append(out, one.gateway)
		}
	}
	return out
}

// parseRoute reads interface, destination, gateway, flags, two counters, metric, mask.
func parseRoute(f []string) (route, bool) {
	if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
		return route{}, false
	}
	flags, err := strconv.ParseUint(f[3], 16, 16)
	metric, err2 := strconv.Atoi(f[6])
	b, err3 := hex.DecodeString(f[2])
	if errors.Join(err, err2, err3) != nil || len(b) != 4 || flags&routeUp == 0 || flags&routeGateway == 0 {
		return route{}, false
	}
	var a [4]byte // the file has the octets as a number of this machine
	binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(b))
	return route{netip.AddrFrom4(a), metric}, true
}
