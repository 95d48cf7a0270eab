//go:build linux

package virtual

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil"
)

// shellLimit is how long a machine may take to answer over SSH; on a busy host it takes its time.
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

// address is SSH for who wants to call.
func (n *Node) address() (string, error) {
	if at := n.SSH(); at != "" {
		return at, nil
	}
	return "", errNoPort
}

// sshConfig is the owner's. The host key was made on the card at the first start, and the way there leads nowhere else: any
// is believed.
func sshConfig(owner ssh.Signer) *ssh.ClientConfig {
	return &ssh.ClientConfig{User: "packhorse", Auth: []ssh.AuthMethod{ssh.PublicKeys(owner)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: shellLimit}
}

// RunWith is hil.Feeder's: over SSH, with the owner's key. The gateway must be ready.
func (n *Node) RunWith(ctx context.Context, stdin []byte, args ...string) (hil.Result, error) {
	if n.shell == nil {
		return hil.Result{}, &hil.Unable{What: "feed a command on node " + n.name, Why: "its console takes lines of text only, and the bench was opened without a key for SSH"}
	}
	s, err := n.shell.Run(ctx, hil.Quote(args), bytes.NewReader(stdin))
	if err != nil {
		return hil.Result{}, n.error(strings.Join(args, " "), err)
	}
	return hil.Result{Output: string(s.Out) + string(s.Err), Exit: s.Exit}, nil
}
