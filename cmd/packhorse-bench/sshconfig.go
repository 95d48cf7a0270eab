package main

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"slices"
)

// sshConfig is a configuration of OpenSSH (ssh_config(5)) that reaches boxes by their names, with a key and without remembering
// theirs, which are others with each new card.
func sshConfig(key string, at map[string]string) []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(at)) {
		host, port, err := net.SplitHostPort(at[name])
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "Host %s\n\tHostName %s\n\tPort %s\n\tUser packhorse\n\tIdentityFile \"%s\"\n\tIdentitiesOnly yes\n", name, host, port, key)
		fmt.Fprint(&b, "\tStrictHostKeyChecking no\n\tUserKnownHostsFile /dev/null\n\tLogLevel ERROR\n")
	}
	return b.Bytes()
}
