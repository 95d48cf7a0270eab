package boards

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/shell"
)

// dialLimit is how long a board may take to take commands, when it is called.
const dialLimit = 10 * time.Second

// newShell reads the key. The node is not called yet, and no other host key than the file's is believed then.
func newShell(at *benchfile.SSH) (*shell.Shell, error) {
	pem, err := os.ReadFile(at.Key)
	if err != nil {
		return nil, fmt.Errorf("the key for SSH: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return nil, fmt.Errorf("the key for SSH %s: %w: a bench needs one without passphrase", at.Key, err)
	}
	host, err := at.PublicKey()
	if err != nil {
		return nil, err
	}
	return shell.New(func() (string, error) { return at.Address, nil }, &ssh.ClientConfig{User: at.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: ssh.FixedHostKey(host), HostKeyAlgorithms: algorithms(host), Timeout: dialLimit}), nil
}

// algorithms are those by which a server can prove that it has this key, so that it does not offer another one.
func algorithms(k ssh.PublicKey) []string {
	if k.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{k.Type()}
}
