package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/crypto/ssh"
)

// TestAGuestLetsInTheKeyOfItsRig, which is another one for each.
func TestAGuestLetsInTheKeyOfItsRig(t *testing.T) {
	first, line, err := drawKey()
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := drawKey()
	if err != nil || bytes.Equal(first.PublicKey().Marshal(), second.PublicKey().Marshal()) {
		t.Errorf("two rigs have one key, %v", err)
	}
	var c struct {
		Name      string
		Appliance struct {
			Keys []string `toml:"ssh_keys"`
		}
	}
	if err := toml.Unmarshal(fmt.Appendf(nil, inGuest, "anna", line), &c); err != nil || c.Name != "anna" || len(c.Appliance.Keys) != 1 {
		t.Fatalf("%v: %+v", err, c)
	}
	k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(c.Appliance.Keys[0]))
	if err != nil || !bytes.Equal(k.Marshal(), first.PublicKey().Marshal()) {
		t.Errorf("the guest lets in %v, %v", k, err)
	}
}
