package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/jsimonetti/rtnetlink/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// routes is rtnetlink(7). Safe for concurrent use.
type routes struct {
	ask  *rtnetlink.Conn
	news *rtnetlink.Conn // of links
}

func dialRoutes() (*routes, error) {
	ask, err := rtnetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("network: netlink: %w", err)
	}
	news, err := rtnetlink.Dial(&netlink.Config{Groups: unix.RTMGRP_LINK})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("network: netlink: %w", err), ask.Close())
	}
	return &routes{ask, news}, nil
}

func (r *routes) close() {
	r.news.Close()
	r.ask.Close()
}

// interfaces lists what there is.
func (r *routes) interfaces() (out []netif, err error) {
	list, err := r.ask.Link.List()
	if err != nil {
		return nil, fmt.Errorf("network: list the interfaces: %w", err)
	}
	for _, l := range list {
		if l.Attributes != nil {
			out = append(out, netif{index: int(l.Index), name: l.Attributes.Name, mac: l.Attributes.Address, ethernet: l.Type == unix.ARPHRD_ETHER,
				loopback: l.Flags&unix.IFF_LOOPBACK != 0, up: l.Flags&unix.IFF_UP != 0, carrier: l.Flags&unix.IFF_LOWER_UP != 0})
		}
	}
	return out, nil
}

// wait waits for a change of any link. News that the kernel had to drop are a change too.
func (r *routes) wait() error {
	if _, _, err := r.news.Receive(); err != nil && !errors.Is(err, unix.ENOBUFS) {
		return err
	}
	return nil
}

// bringUp switches an interface on.
func (r *routes) bringUp(index int) error {
	err := r.ask.Link.Set(&rtnetlink.LinkMessage{Index: uint32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP})
	if err != nil {
		return fmt.Errorf("network: switch on interface %d: %w", index, err)
	}
	return nil
}

func (r *routes) set(index int, p netip.Prefix, router netip.Addr) error {
	err := r.ask.Address.New(addressMessage(index, p))
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("network: address %v: %w", p, err)
	}
	if !router.IsValid() {
		return nil
	}
	if !p.Contains(router) { // a network of one address, as providers of servers have it
		if err := r.ask.Route.Replace(routeMessage(index, p, router, netip.Addr{})); err != nil {
			return fmt.Errorf("network: route to %v: %w", router, err)
		}
	}
	if err := r.ask.Route.Replace(routeMessage(index, p, netip.Addr{}, router)); err != nil {
		return fmt.Errorf("network: route by %v: %w", router, err)
	}
	return nil
}

func (r *routes) remove(index int, p netip.Prefix) error {
	return r.ask.Address.Delete(addressMessage(index, p))
}

func addressMessage(index int, p netip.Prefix) *rtnetlink.AddressMessage {
	ip := net.IP(p.Addr().AsSlice())
	a := &rtnetlink.AddressAttributes{Address: ip, Local: ip}
	if p.Bits() < 31 {
		a.Broadcast = broadcast(p)
	}
	scope := uint8(unix.RT_SCOPE_UNIVERSE)
	if p.Addr().IsLinkLocalUnicast() {
		scope = unix.RT_SCOPE_LINK
	}
	return &rtnetlink.AddressMessage{Family: unix.AF_INET, PrefixLength: uint8(p.Bits()), Scope: scope, Index: uint32(index), Attributes: a}
}

// broadcast is the last address of a network.
func broadcast(p netip.Prefix) net.IP {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return b[:]
}

// firstMetric: interfaces that came first are taken first, and a route that somebody set by hand before all.
const firstMetric = 100

// routeMessage is a route to one address on the link, or the default one by a router. It names our address, so that it
// goes when that does.
func routeMessage(index int, p netip.Prefix, to, by netip.Addr) *rtnetlink.RouteMessage {
	m := &rtnetlink.RouteMessage{Family: unix.AF_INET, Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_DHCP, Type: unix.RTN_UNICAST,
		Attributes: rtnetlink.RouteAttributes{Src: p.Addr().AsSlice(), OutIface: uint32(index), Priority: uint32(firstMetric + index)}}
	if to.IsValid() {
		m.DstLength, m.Scope, m.Attributes.Dst = 32, unix.RT_SCOPE_LINK, to.AsSlice()
		return m
	}
	m.Attributes.Gateway = by.AsSlice()
	return m
}
