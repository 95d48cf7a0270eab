package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/run"
	"packhorse/testbench/hil/virtual"
)

// imageVar names the card image where no --image does.
const imageVar = "PACKHORSE_IMAGE"

// virtualKind is what reports call virtual machines.
const virtualKind = "virtual"

// inGuest is the packhorse.toml of a virtual machine, by its name and the line of a key: its radio is the only USB serial port.
const inGuest = "name = %q\ntrust_clock = true\n[[radio]]\nname = \"lora0\"\nport = \"/dev/ttyUSB0\"\nbandwidth_hz = 500000\nspreading_factor = 7\nrates = \"off\"\n[appliance]\nssh_keys = [%q]\n"

// virtualPlace is virtual machines that boot the flash image.
func virtualPlace(w wanted, image string) run.Place {
	p := run.Place{Kind: virtualKind, Name: virtualWord, Params: w.params}
	if image == "" {
		p.Missing = "no card image: build one with make image and set " + imageVar
		return p
	}
	if !isFile(image) {
		p.Missing = "there is no card image " + image + ": build one with make image"
		return p
	}
	p.Open = func(ctx context.Context, _ string) (hil.Rig, error) {
		owner, line, err := drawKey()
		if err != nil {
			return nil, err
		}
		return throwaway(func(dir string) (hil.Rig, error) {
			return virtual.Open(ctx, virtual.Options{Dir: dir, Image: image, Nodes: []string{"a", "b"}, Seed: w.params.Seed, Owner: owner,
				Config: func(name string) []byte { return fmt.Appendf(nil, inGuest, name, line) }})
		})(ctx, "")
	}
	return p
}

// drawKey makes a key for SSH that nobody had before and nobody has afterwards, and its public line as in authorized_keys.
func drawKey() (ssh.Signer, string, error) {
	_, s, line, err := drawPair()
	return s, line, err
}

// drawPair is drawKey with the secret half as OpenSSH keeps it in a file.
func drawPair() (file []byte, s ssh.Signer, line string, err error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, "", err
	}
	if s, err = ssh.NewSignerFromKey(private); err != nil {
		return nil, nil, "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "packhorse-bench")
	if err != nil {
		return nil, nil, "", err
	}
	return pem.EncodeToMemory(block), s, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey()))), nil
}
