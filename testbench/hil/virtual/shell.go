//go:build linux

package virtual

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil"
)

// shellLimit is how long a machine may take to answer over SSH.
const shellLimit = 30 * time.Second

// SSH is the address at which the node's port 22 is reached, another one in each life; empty without Options.Owner, and while
// the machine is off.
func (n *Node) SSH() string {
	port := n.port.Load()
	if port == 0 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

var errNoPort = errors.New("no port leads to it: it is off, or QEMU did not say which")

// RunWith is hil.Feeder's: over SSH, with the owner's key. The gateway must be ready.
func (n *Node) RunWith(ctx context.Context, stdin []byte, args ...string) (hil.Result, error) {
	if n.owner == nil {
		return hil.Result{}, &hil.Unable{What: "feed a command on node " + n.name, Why: "its console takes lines of text only, and the bench was opened without a key for SSH"}
	}
	r, err := n.overSSH(ctx, stdin, hil.Quote(args))
	if err != nil {
		err = errors.Join(err, ctx.Err())
	}
	return r, n.error(strings.Join(args, " "), err)
}

func (n *Node) overSSH(ctx context.Context, stdin []byte, command string) (hil.Result, error) {
	c, err := n.dial(ctx)
	if err != nil {
		return hil.Result{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	s, err := c.NewSession()
	if err != nil {
		return hil.Result{}, err
	}
	var out, complaints bytes.Buffer
	s.Stdin, s.Stdout, s.Stderr = bytes.NewReader(stdin), &out, &complaints
	err = s.Run(command)
	r := hil.Result{Output: out.String() + complaints.String()}
	if failed := (*ssh.ExitError)(nil); errors.As(err, &failed) {
		r.Exit, err = failed.ExitStatus(), nil
	}
	return r, err
}

// dial calls the machine. Its host key was made on the card at the first start, which nobody else has.
func (n *Node) dial(ctx context.Context) (*ssh.Client, error) {
	at := n.SSH()
	if at == "" {
		return nil, errNoPort
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(shellLimit))
	c, channels, requests, err := ssh.NewClientConn(conn, at, &ssh.ClientConfig{User: "packhorse", Auth: []ssh.AuthMethod{ssh.PublicKeys(n.owner)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, channels, requests), nil
}
