//go:build linux

package network

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"context"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
)

// childVar tells a copy of the test binary which part to play.
const childVar = "PACKHORSE_NETNS_CHILD"

// netnsVar lets the tests run that make network namespaces, for which they need root and iproute2; the suite netns of
// make test sets it.
const netnsVar = "PACKHORSE_NETNS"

func TestMain(m *testing.M) {
	parts := map[string]func() error{"client": playClient, "server": playServer}
	part := os.Getenv(childVar)
	if part == "" {
		os.Exit(runTests(m))
	}
	if err := parts[part](); err != nil {
		fmt.Fprintln(os.Stderr, part+":", err)
		os.Exit(1)
	}
}

// runTests leaves what makes namespaces to those who ask for it.
func runTests(m *testing.M) int {
	flag.Parse()
	if os.Getenv(netnsVar) == "" {
		if err := flag.Set("test.skip", "InNamespace"); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return m.Run()
}

// playClient is the appliance: it prints each state as a line of JSON, and ends with its input.
func playClient() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	enc := json.NewEncoder(os.Stdout)
	return Run(ctx, Config{Hostname: "ridge", Resolv: os.Args[len(os.Args)-1], Changed: func(s State) { enc.Encode(s) }}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// playServer is a DHCP server on srv0 that lends 10.77.0.9 for ten seconds. It prints what it is asked. A line on its
// input tells what to do: "serve", "silent".
func playServer() error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() && in.Text() != "start" {
	}
	r, err := dialRoutes()
	if err != nil {
		return err
	}
	ifc, err := net.InterfaceByName("srv0")
	if err != nil {
		return err
	}
	if err := r.bringUp(ifc.Index); err != nil {
		return err
	}
	if err := r.set(ifc.Index, netip.MustParsePrefix("10.77.0.1/24"), netip.Addr{}); err != nil {
		return err
	}
	mode := make(chan string, 1)
	mode <- "silent"
	s, err := server4.NewServer("srv0", &net.UDPAddr{Port: 67}, func(c net.PacketConn, to net.Addr, p *dhcpv4.DHCPv4) {
		m := <-mode
		mode <- m
		fmt.Println(p.MessageType(), p.ClientIPAddr, p.HostName())
		if m == "serve" && p.MessageType() != dhcpv4.MessageTypeRelease {
			c.WriteTo(lend(p), to)
		}
	})
	if err != nil {
		return err
	}
	go s.Serve()
	fmt.Println("ready")
	for in.Scan() {
		<-mode
		mode <- in.Text()
	}
	return s.Close()
}

func lend(p *dhcpv4.DHCPv4) []byte {
	kind := dhcpv4.MessageTypeAck
	if p.MessageType() == dhcpv4.MessageTypeDiscover {
		kind = dhcpv4.MessageTypeOffer
	}
	me := net.IPv4(10, 77, 0, 1)
	a, err := dhcpv4.NewReplyFromRequest(p, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(net.IPv4(10, 77, 0, 9)), dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(me)), dhcpv4.WithLeaseTime(10), dhcpv4.WithRouter(me), dhcpv4.WithDNS(net.IPv4(10, 77, 0, 2)), dhcpv4.WithOption(dhcpv4.OptNTPServers(me)))
	if err != nil {
		return nil
	}
	return a.ToBytes()
}

// child is a copy of this binary in a network namespace of its own.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

func spawn(t *testing.T, part string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0], args...), lines: make(chan string, 1000)}
	c.cmd.Env = append(os.Environ(), childVar+"="+part)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("these tests need root: %v", err)
	}
	t.Cleanup(func() { c.in.Close(); c.cmd.Process.Kill(); c.cmd.Wait() })
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	return c
}

func (c *child) tell(line string) { io.WriteString(c.in, line+"\n") }

func (c *child) pid() string { return strconv.Itoa(c.cmd.Process.Pid) }

// until waits for a line that is as wanted.
func (c *child) until(what string, ok func(string) bool) string {
	c.t.Helper()
	for end := time.After(time.Minute); ; {
		select {
		case l, open := <-c.lines:
			if !open {
				c.t.Fatalf("%s: it ended", what)
			}
			if ok(l) {
				return l
			}
		case <-end:
			c.t.Fatalf("%s: not within a minute", what)
		}
	}
}

func (c *child) line(what, prefix string) {
	c.t.Helper()
	c.until(what, func(l string) bool { return strings.HasPrefix(l, prefix) })
}

// state waits for a state of an interface.
func (c *child) state(what, name string, ok func(Link) bool) {
	c.t.Helper()
	c.until(what, func(text string) bool {
		var s State
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			c.t.Fatalf("%s: %v", text, err)
		}
		for _, l := range s.Links {
			if l.Name == name && ok(l) {
				return true
			}
		}
		return false
	})
}

func ip(t *testing.T, c *child, args ...string) string {
	t.Helper()
	b, err := exec.Command("nsenter", append([]string{"-t", c.pid(), "-n", "ip"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, b)
	}
	return string(b)
}

// cable joins two namespaces.
func cable(t *testing.T, a *child, nameA string, b *child, nameB string) {
	t.Helper()
	ip(t, a, "link", "add", nameA, "type", "veth", "peer", "name", nameB, "netns", b.pid())
}

func byDHCP(l Link) bool { return l.Up && l.How == ByDHCP && l.Address.String() == "10.77.0.9/24" }

func TestLeaseInNamespace(t *testing.T) {
	t.Parallel()
	resolv := t.TempDir() + "/resolv.conf"
	server, client := spawn(t, "server"), spawn(t, "client", resolv)
	cable(t, client, "eth0", server, "srv0")
	server.tell("start")
	server.line("the server", "ready")
	server.tell("serve")
	client.state("a lease", "eth0", byDHCP)
	server.line("asked with a name", "REQUEST 0.0.0.0 ridge")
	if r := ip(t, client, "route"); !strings.Contains(r, "default via 10.77.0.1 dev eth0") || !strings.Contains(r, "10.77.0.0/24") {
		t.Errorf("routes:\n%s", r)
	}
	if b, err := os.ReadFile(resolv); string(b) != "nameserver 10.77.0.2\n" {
		t.Errorf("%q, %v", b, err)
	}
	if a := ip(t, client, "addr", "show", "lo"); !strings.Contains(a, "127.0.0.1/8") {
		t.Errorf("no loopback:\n%s", a)
	}
	server.line("renewed from its address", "REQUEST 10.77.0.9")

	ip(t, server, "link", "set", "srv0", "down")
	client.state("the cable is out", "eth0", func(l Link) bool { return !l.Up })
	ip(t, server, "link", "set", "srv0", "up")
	client.state("the cable is back", "eth0", byDHCP)
	server.line("taken up again", "REQUEST 0.0.0.0")

	client.in.Close()
	server.line("released", "RELEASE 10.77.0.9")
	if err := client.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSilenceInNamespace(t *testing.T) {
	t.Parallel()
	server, client := spawn(t, "server"), spawn(t, "client", t.TempDir()+"/resolv.conf")
	cable(t, client, "wlan9", server, "other")
	cable(t, client, "usb0", server, "srv0") // as if plugged in
	server.tell("start")
	client.state("link-local", "usb0", func(l Link) bool { return l.How == ByLinkLocal && l.Address.Addr().IsLinkLocalUnicast() })
	if a := ip(t, client, "addr", "show", "usb0"); !strings.Contains(a, "inet 169.254.") {
		t.Errorf("addresses:\n%s", a)
	}
	if a := ip(t, client, "link", "show", "wlan9"); strings.Contains(a, ",UP") {
		t.Errorf("not ours, and switched on:\n%s", a)
	}
	server.tell("serve")
	client.state("a server at last", "usb0", byDHCP)
	if a := ip(t, client, "addr", "show", "usb0"); strings.Contains(a, "inet 169.254.") {
		t.Errorf("both addresses:\n%s", a)
	}
	ip(t, client, "link", "del", "usb0")
	client.until("unplugged", func(l string) bool { return !strings.Contains(l, "usb0") })
}
