package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"packhorse/board/card"
)

//go:embed files
var files embed.FS

// Numbers and labels of the FATs. The two slots have the same, since they hold the same octets.
const (
	bootSerial = 0x504b0001
	slotSerial = 0x504b0002
	slotLabel  = "PKHR-SYS"
)

// configCopy is where the running system finds its config.txt, for `packhorse doctor`: the slot is not mounted.
const configCopy = "etc/config.txt"

func own(name string) []byte {
	b, err := files.ReadFile("files/" + name)
	if err != nil {
		panic(err) // it is in the binary
	}
	return b
}

// makeSlot makes one system: what the firmware reads, the kernel and the initramfs.
func (b *builder) makeSlot() (err error) {
	b.slot = tree{card.KernelFile: b.kernel, card.FirmwareFile: own("config.txt"), card.CmdlineFile: own("cmdline.txt")}
	if err := b.addFirmware(); err != nil {
		return err
	}
	if b.members, err = b.initMembers(); err != nil {
		return err
	}
	b.release = card.Release{Version: b.version, Build: b.hash(), Board: card.BoardPi, Created: b.at.Format(time.RFC3339)}
	text, err := json.MarshalIndent(b.release, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	b.slot[card.ReleaseFile] = text
	var archive bytes.Buffer
	if err := writeCPIO(&archive, append(b.members, file(card.ReleasePath, 0o644, text))); err != nil {
		return err
	}
	if b.slot[card.InitramfsFile], err = zip(archive.Bytes()); err != nil {
		return err
	}
	b.slotFAT, err = (&fat{size: card.SlotSize, label: slotLabel, serial: slotSerial, at: b.at}).image(b.slot)
	return err
}

// addFirmware adds what a partition must have for the firmware to boot it: itself, since it starts anew from there, and
// the device trees.
func (b *builder) addFirmware() error {
	kernel, firmware := b.modules[kernelModule].Dir, b.modules[firmwareModule].Dir
	if err := b.slot.readAll("", firmware, "start.elf", "fixup.dat", "start4.elf", "fixup4.dat"); err != nil {
		return err
	}
	if err := b.slot.readAll("", kernel, "*.dtb"); err != nil {
		return err
	}
	if err := b.slot.readAll("overlays/", kernel+"/overlays", "*"); err != nil {
		return err
	}
	licences := tree{}
	if err := licences.readAll("", firmware, "LICENSE.broadcom"); err != nil {
		return err
	}
	if err := licences.readAll("", kernel, "LICENSE.linux"); err != nil {
		return err
	}
	b.slot["LICENCE.broadcom"], b.slot["COPYING.linux"], b.slot["LICENCES.packhorse"] = licences["LICENSE.broadcom"], licences["LICENSE.linux"], b.terms
	return nil
}

// initMembers are those of the initramfs but for the release. The kernel needs the two devices before anything is
// mounted: without them the Go runtime of the init dies.
func (b *builder) initMembers() ([]member, error) {
	data, err := zip(append(bytes.Clone(b.data), make([]byte, card.DataSize-len(b.data))...))
	if err != nil {
		return nil, err
	}
	m := []member{file("init", 0o755, b.program)}
	for _, d := range []string{"dev", "proc", "sys", "run", "boot", "data", "tmp", "etc", "etc/ssl", "etc/ssl/certs", "lib"} {
		m = append(m, member{name: d, mode: kindDir | 0o755})
	}
	return append(m,
		member{name: "dev/console", mode: kindChar | 0o600, major: 5, minor: 1},
		member{name: "dev/null", mode: kindChar | 0o666, major: 1, minor: 3},
		file(card.DataImage, 0o644, data),
		file(configCopy, 0o644, own("config.txt")),
		file(card.KeysPath, 0o644, b.keys.text()),
		file("etc/ssl/certs/ca-certificates.crt", 0o644, authorities())), nil
}

func file(path string, permissions uint32, data []byte) member {
	if path[0] == '/' {
		path = path[1:]
	}
	return member{name: path, mode: kindFile | permissions, data: data}
}

// authorities are Mozilla's roots as PEM, but for those that are trusted with limits that PEM cannot say.
func authorities() []byte {
	var b bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint == nil {
			pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate})
		}
	}
	return b.Bytes()
}

// hash tells this system from others: over all that is in it but for the files that repeat it.
func (b *builder) hash() string {
	h := sha256.New()
	put := func(name string, mode uint32, data []byte) {
		fmt.Fprintf(h, "%q %o %x\n", name, mode, sha256.Sum256(data))
	}
	io.WriteString(h, b.version+"\n")
	for _, p := range slices.Sorted(maps.Keys(b.slot)) {
		put(p, 0, b.slot[p])
	}
	for _, m := range b.members {
		put(m.name, m.mode, m.data)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// bootFAT is partition 1: what a board reads first, and what its owner edits.
func (b *builder) bootFAT() ([]byte, error) {
	auto, err := card.Autoboot{Default: card.SlotA, Trial: card.SlotB}.AppendText(nil)
	if err != nil {
		return nil, err
	}
	t := tree{card.AutobootFile: auto, card.FirmwareFile: own("boot-config.txt"), card.ConfigFile: own("packhorse.toml"), "README.txt": own("README.txt")}
	if err := t.readAll("", b.modules[firmwareModule].Dir, "bootcode.bin"); err != nil {
		return nil, err
	}
	return (&fat{size: card.BootSize, label: card.BootLabel, serial: bootSerial, at: b.at}).image(t)
}
