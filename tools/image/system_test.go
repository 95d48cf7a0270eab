package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"packhorse/board/card"
	"packhorse/board/update"
)

func unixText(s int64) string { return time.Unix(s, 0).UTC().Format(time.RFC3339) }

// checkIcon wants well-formed SVG.
func checkIcon(t *testing.T, url string) {
	t.Helper()
	coded, ok := strings.CutPrefix(url, "data:image/svg+xml;base64,")
	svg, err := base64.StdEncoding.DecodeString(coded)
	if !ok || err != nil {
		t.Fatalf("icon %.40s, %v", url, err)
	}
	tags := 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; tags++ {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if tags < 8 {
		t.Errorf("an icon of %d tags", tags)
	}
}

func TestSlotHasWhatTheFirmwareReads(t *testing.T) {
	files := systemTree(t)
	// Of these the firmware starts itself, and takes the partition for bootable.
	for _, name := range []string{"start.elf", "fixup.dat", "start4.elf", "fixup4.dat"} {
		if len(files[name]) < 1000 {
			t.Errorf("%s has %d octets", name, len(files[name]))
		}
	}
	for _, board := range boards {
		if _, err := parseTree(files[board.tree]); err != nil {
			t.Errorf("%s: %v", board.tree, err)
		}
	}
	if image := gunzip(t, files["vmlinuz"]); len(image) < 40*mib || string(image[56:60]) != "ARM\x64" {
		t.Errorf("vmlinuz is no arm64 kernel: %d octets, % x", len(image), image[56:60])
	}
	if got, want := files["release.json"], read(t, built(t, "release.json")); !bytes.Equal(got, want) {
		t.Errorf("release %s in the slot, %s beside the image", got, want)
	}
	for _, licence := range []string{"LICENCE.broadcom", "COPYING.linux"} {
		if !bytes.Contains(files[licence], []byte("Copyright")) && !bytes.Contains(files[licence], []byte("GNU GENERAL PUBLIC LICENSE")) {
			t.Errorf("%s: %.60q", licence, files[licence])
		}
	}
	for _, part := range []string{"Go's standard library", "github.com/spf13/cobra", "Apache License"} {
		if !bytes.Contains(files["LICENCES.packhorse"], []byte(part)) {
			t.Errorf("LICENCES.packhorse does not name %s", part)
		}
	}
	words := strings.Fields(string(files["cmdline.txt"]))
	if strings.Count(string(files["cmdline.txt"]), "\n") > 1 {
		t.Error("cmdline.txt has more than one line: the firmware reads the first")
	}
	for _, w := range []string{"console=serial0,115200", "console=tty1", "quiet", "loglevel=3", "panic=10", "oops=panic", "initcall_blacklist=trace_eval_init"} {
		if !strings.Contains(" "+strings.Join(words, " ")+" ", " "+w+" ") {
			t.Errorf("cmdline.txt lacks %s", w)
		}
	}
}

// boards are those that the image is for, with the tree that the firmware chooses and the sections of config.txt that
// hold for them.
var boards = []struct{ name, tree, section string }{
	{"Zero 2 W", "bcm2710-rpi-zero-2-w.dtb", "pi02"},
	{"3B", "bcm2710-rpi-3-b.dtb", "pi3"},
	{"3B+", "bcm2710-rpi-3-b-plus.dtb", "pi3+"},
	{"4B", "bcm2711-rpi-4-b.dtb", "pi4"},
	{"5", "bcm2712-rpi-5-b.dtb", "pi5"},
	{"5, stepping D0", "bcm2712d0-rpi-5-b.dtb", "pi5"},
}

// Each file, overlay and parameter that config.txt names has to be there, for each board.
func TestConfigNamesWhatIsThere(t *testing.T) {
	files := systemTree(t)
	overlays, err := parseTree(files["overlays/overlay_map.dtb"])
	if err != nil {
		t.Fatal(err)
	}
	for _, board := range boards {
		dt, err := parseTree(files[board.tree])
		if err != nil {
			t.Fatal(err)
		}
		known := dt["/__overrides__"]
		used := 0
		for _, set := range settings(t, string(files["config.txt"]), board.section) {
			used++
			switch set.key {
			case "kernel", "initramfs":
				if name, _, _ := strings.Cut(set.value, " "); len(files[name]) == 0 {
					t.Errorf("%s: %s=%s is not there", board.name, set.key, name)
				}
			case "dtparam":
				name, _, _ := strings.Cut(set.value, "=")
				if _, ok := known[name]; !ok {
					t.Errorf("%s: its device tree has no parameter %s", board.name, name)
				}
			case "dtoverlay":
				name, _, _ := strings.Cut(set.value, ",")
				if file := mapped(overlays, name, board.section); len(files["overlays/"+file+".dtbo"]) == 0 {
					t.Errorf("%s: no overlay %s", board.name, file)
				}
			case "arm_64bit", "disable_splash", "boot_delay", "gpu_mem", "enable_uart", "hdmi_blanking":
				if _, err := strconv.Atoi(set.value); err != nil {
					t.Errorf("%s: %s=%s", board.name, set.key, set.value)
				}
			default:
				t.Errorf("%s: nobody knows %s", board.name, set.key)
			}
		}
		if used < 10 {
			t.Errorf("%s: only %d settings", board.name, used)
		}
	}
}

type setting struct{ key, value string }

// settings are those of config.txt that hold for a board, as the firmware reads them.
func settings(t *testing.T, text, board string) []setting {
	t.Helper()
	var out []setting
	on := true
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 98 {
			t.Errorf("the firmware cuts %q", line)
		}
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			on = line == "[all]" || line == "["+board+"]"
		case on:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				key, value, _ = strings.Cut(line, " ")
			}
			out = append(out, setting{key, value})
		}
	}
	return out
}

// mapped is the file of an overlay on a board, by the map that the firmware reads.
func mapped(overlays map[string]map[string][]byte, name, board string) string {
	chip := map[string]string{"pi4": "bcm2711", "pi5": "bcm2712"}[board]
	if chip == "" {
		chip = "bcm2835"
	}
	if to, ok := overlays["/"+name][chip]; ok && len(to) > 1 {
		return strings.TrimRight(string(to), "\x00")
	}
	return name
}

func TestInitramfs(t *testing.T) {
	members := initramfs(t)
	for name, mode := range map[string]uint32{"dev": 0o040755, "proc": 0o040755, "sys": 0o040755, "run": 0o040755, "boot": 0o040755, "data": 0o040755, "tmp": 0o040755, "etc": 0o040755,
		"init": 0o100755, "etc/packhorse-release.json": 0o100644, "etc/packhorse-update.pub": 0o100644, "lib/data.ext4.gz": 0o100644, "etc/config.txt": 0o100644,
		"etc/ssl/certs/ca-certificates.crt": 0o100644, "dev/console": 0o020600, "dev/null": 0o020666} {
		if members[name].mode != mode {
			t.Errorf("%s has mode %o, want %o", name, members[name].mode, mode)
		}
	}
	if c, n := members["dev/console"], members["dev/null"]; c.major != 5 || c.minor != 1 || n.major != 1 || n.minor != 3 {
		t.Errorf("dev/console %d:%d, dev/null %d:%d", c.major, c.minor, n.major, n.minor)
	}
	if !bytes.Equal(members["etc/packhorse-release.json"].data, read(t, built(t, "release.json"))) {
		t.Error("the initramfs says another release")
	}
	if !bytes.Equal(members["etc/config.txt"].data, systemTree(t)["config.txt"]) {
		t.Error("the initramfs has another config.txt")
	}
	if !bytes.Equal(gunzip(t, members["lib/data.ext4.gz"].data), read(t, part(t, built(t, "card.img"), dataAt, allEnd-dataAt))) {
		t.Error("a factory reset makes another data partition than the image has")
	}
	roots := 0
	for rest := members["etc/ssl/certs/ca-certificates.crt"].data; ; roots++ {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
	}
	if roots < 80 {
		t.Errorf("%d certificate authorities", roots)
	}
}

func TestInitIsOurStaticProgram(t *testing.T) {
	program := initramfs(t)["init"].data
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != elf.EM_AARCH64 {
		t.Errorf("it is for %s", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Error("it wants a library")
		}
	}
	if !bytes.Contains(program, []byte(release(t).Version)) {
		t.Error("it does not know the version of the image")
	}
	here, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(program, []byte(here+"/")) {
		t.Error("it names directories of the machine that built it")
	}
}

// What boxes that run read of the update file has to be this system, by a key that this system trusts.
func TestUpdateFileIsThisSystem(t *testing.T) {
	keys, err := update.ParseKeys(initramfs(t)["etc/packhorse-update.pub"].data)
	if err != nil || len(keys) == 0 {
		t.Fatalf("keys of the system: %v, %v", keys, err)
	}
	in, err := os.Open(built(t, "*.phup"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	f, err := update.Open(in, keys)
	if err != nil {
		t.Fatal(err)
	}
	var slot bytes.Buffer
	if err := f.CopyTo(&slot); err != nil {
		t.Fatal(err)
	}
	whole := read(t, built(t, "slot.img"))
	if n := slot.Len(); !bytes.Equal(whole[:n], slot.Bytes()) || len(bytes.TrimRight(whole[n:], "\x00")) != 0 {
		t.Error("the update is another system than that on the card")
	}
	if r := release(t); f.Version != r.Version || f.Build != r.Build || f.Board != card.BoardPi || f.Created != r.Created {
		t.Errorf("the update is %+v, the image %+v", f.Manifest, r)
	}
}

// member is a file of an initramfs, as the kernel reads it.
type unpacked struct {
	mode, major, minor uint32
	data               []byte
}

// initramfs reads the archive of the slot. That a directory comes before what is in it matters: the kernel makes none.
func initramfs(t *testing.T) map[string]unpacked {
	t.Helper()
	b := gunzip(t, systemTree(t)["initrd.gz"])
	out, err := unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unpack(b []byte) (map[string]unpacked, error) {
	out := map[string]unpacked{"": {mode: 0o040755}, ".": {mode: 0o040755}}
	for {
		if len(b) < 110 || string(b[:6]) != "070701" {
			return nil, errors.New("no header of a member")
		}
		var f [13]uint32
		for i := range f {
			v, err := strconv.ParseUint(string(b[6+8*i:14+8*i]), 16, 32)
			if err != nil {
				return nil, err
			}
			f[i] = uint32(v)
		}
		named, size := 110+int(f[11]), int(f[6])
		name := string(b[110 : named-1])
		if name == "TRAILER!!!" {
			return out, nil
		}
		if up := out[filepath.Dir(name)]; up.mode&0o170000 != 0o040000 {
			return nil, errors.New(name + " comes before its directory")
		}
		at := (named + 3) &^ 3
		out[name] = unpacked{f[1], f[9], f[10], b[at : at+size]}
		b = b[(at+size+3)&^3:]
	}
}

// A second build of the same source has to be the same image, however it came by its program.
func TestBuildsAreTheSame(t *testing.T) {
	r, dir := release(t), t.TempDir()
	created, err := time.Parse(time.RFC3339, r.Created)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", strconv.FormatInt(created.Unix(), 10))
	t.Setenv("TZ", "Pacific/Chatham")
	program, keys := filepath.Join(dir, "program"), filepath.Join(dir, "keys")
	members := initramfs(t)
	for path, b := range map[string][]byte{program: members["init"].data, keys: members["etc/packhorse-update.pub"].data} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "again")
	again, err := build(context.Background(), options{version: r.Version, out: out, binary: program, raw: true, updateKeys: []string{keys}})
	if err != nil {
		t.Fatal(err)
	}
	if again.Release != r {
		t.Errorf("release %+v, before %+v", again.Release, r)
	}
	for _, f := range again.Files {
		if want, _ := fileSum(t, built(t, f.File)); f.SHA256 != want {
			t.Errorf("%s is another one", f.File)
		}
	}
	if err := fitsSchema(again); err != nil {
		t.Error(err)
	}
}
