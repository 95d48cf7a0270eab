package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestPartitionTable(t *testing.T) {
	f, err := os.Open(built(t, "card.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mbr := make([]byte, 512)
	if _, err := io.ReadFull(f, mbr); err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if mbr[510] != 0x55 || mbr[511] != 0xaa || string(mbr[440:444]) != "RHKP" {
		t.Errorf("signature % x, disk %q", mbr[510:], mbr[440:444])
	}
	for i, want := range []struct {
		kind     byte
		from, to uint32
	}{{0x0c, bootAt, slotAt}, {0x0c, slotAt, nextAt}, {0x0c, nextAt, dataAt}, {0x83, dataAt, allEnd}} {
		e := mbr[446+16*i:]
		from, size := le.Uint32(e[8:])*512, le.Uint32(e[12:])*512
		if e[4] != want.kind || from != want.from || from+size != want.to {
			t.Errorf("partition %d: type %#x from %d to %d, want %+v", i+1, e[4], from, from+size, want)
		}
	}
	if s, _ := f.Stat(); s.Size()&(s.Size()-1) != 0 || s.Size() < allEnd {
		t.Errorf("the card has %d octets, which is no power of two above %d", s.Size(), allEnd)
	}
}

func TestBootPartition(t *testing.T) {
	files := bootTree(t)
	if got := strings.Join(files.paths(), " "); got != "README.txt autoboot.txt bootcode.bin config.txt packhorse.toml" {
		t.Errorf("files: %s", got)
	}
	if got := string(files["autoboot.txt"]); got != "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n" {
		t.Errorf("autoboot.txt: %q", got)
	}
	if n := len(files["bootcode.bin"]); n < 40_000 || n > 128<<10 {
		t.Errorf("bootcode.bin has %d octets, which the Pi 3 does not load", n)
	}
	for line := range strings.Lines(string(files["config.txt"])) {
		if line[0] != '#' {
			t.Errorf("config.txt of the boot partition sets %q, which no board would take from there", line)
		}
	}
	label := run(t, "mlabel", "-s", "-i", fmt.Sprintf("%s@@%d", built(t, "card.img"), bootAt), "::")
	if !strings.Contains(label, "PACKHORSE") {
		t.Errorf("label: %s", label)
	}
}

// The owner's file has to be taken as it is, and with each example switched on.
func TestOwnersFileIsValid(t *testing.T) {
	text := string(bootTree(t)["packhorse.toml"])
	off := regexp.MustCompile(`(?m)^#([a-z_]+ = |\[)`)
	if n := len(off.FindAllString(text, -1)); n < 8 {
		t.Fatalf("only %d examples", n)
	}
	on := off.ReplaceAllString(text, "$1")
	second := strings.LastIndex(on, "[[radio]]") // the two radios are two ways to say one
	on = on[:second] + strings.Replace(on[second:], `"lora0"`, `"lora1"`, 1)
	on = strings.Replace(on, "AAAA...", "AAAAC3NzaC1lZDI1NTE5AAAAI"+strings.Repeat("A", 43), 1)
	on = strings.Replace(on, `join = `, `#join = `, 1) // domain or join, not both
	for name, c := range map[string]string{"as it is": text, "all on": on} {
		path := filepath.Join(t.TempDir(), "packhorse.toml")
		if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "run", "./cmd/packhorse", "config", "check", "--config", path)
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, c)
		}
	}
}

func TestSecondSlotIsEmpty(t *testing.T) {
	if files := fatTree(t, nextAt, dataAt-nextAt); len(files) != 0 {
		t.Errorf("files: %v", files.paths())
	}
}

func TestSlotFileIsTheSlot(t *testing.T) {
	f, err := os.Open(built(t, "card.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	onCard, _ := hexSum(t, io.NewSectionReader(f, slotAt, nextAt-slotAt))
	if own, _ := fileSum(t, built(t, "slot.img")); own != onCard {
		t.Error("slot.img is another system than that on the card")
	}
}

func TestDataPartition(t *testing.T) {
	img := part(t, built(t, "card.img"), dataAt, allEnd-dataAt)
	run(t, "e2fsck", "-f", "-n", img)
	sb := read(t, img)[1024:2048]
	le := binary.LittleEndian
	if le.Uint16(sb[0x38:]) != 0xef53 || le.Uint32(sb[0x18:]) != 2 {
		t.Fatalf("magic %#x, block size 1024 << %d", le.Uint16(sb[0x38:]), le.Uint32(sb[0x18:]))
	}
	if got := le.Uint32(sb[4:]); got != 64*mib/4096 {
		t.Errorf("%d blocks", got)
	}
	if got := string(bytes.TrimRight(sb[0x78:0x88], "\x00")); got != "packhorse" {
		t.Errorf("label %q", got)
	}
	for what, bit := range map[string]struct{ at, mask uint32 }{"journal": {0x5c, 4}, "room for growing": {0x5c, 0x10}, "extents": {0x60, 0x40}, "64 bit": {0x60, 0x80}, "checksums": {0x64, 0x400}} {
		if le.Uint32(sb[bit.at:])&bit.mask == 0 {
			t.Errorf("no %s", what)
		}
	}
	// One block of descriptors has 64 groups of 128 MiB, and there is one before those that are set aside.
	if reach := (int64(le.Uint16(sb[0xce:])) + 1) * 64 * 128 * mib; reach < 128<<30 {
		t.Errorf("it grows to %d GiB only", reach>>30)
	}
	created := release(t).Created
	if got := le.Uint32(sb[0x108:]); created != unixText(int64(got)) {
		t.Errorf("made at %s, the source is of %s", unixText(int64(got)), created)
	}
}

func TestTheRestIsZero(t *testing.T) {
	b := read(t, part(t, built(t, "card.img"), allEnd, 512*mib-allEnd))
	if i := bytes.IndexFunc(b, func(r rune) bool { return r != 0 }); i >= 0 {
		t.Errorf("an octet behind the data partition at %d", i)
	}
}

func TestImagerList(t *testing.T) {
	var list struct {
		List []struct {
			Name, Description, Icon, URL string
			ReleaseDate                  string `json:"release_date"`
			InitFormat                   string `json:"init_format"`
			ExtractSize                  int64  `json:"extract_size"`
			ExtractSHA256                string `json:"extract_sha256"`
			DownloadSize                 int64  `json:"image_download_size"`
			DownloadSHA256               string `json:"image_download_sha256"`
			Devices                      []string
		} `json:"os_list"`
	}
	d := json.NewDecoder(bytes.NewReader(read(t, built(t, "os_list.json"))))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil || len(list.List) != 1 {
		t.Fatalf("%v, %d entries", err, len(list.List))
	}
	packed, err := os.Open(built(t, "*.img.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	e := list.List[0]
	if sum, size := fileSum(t, built(t, "card.img")); e.ExtractSize != size || e.ExtractSHA256 != sum {
		t.Errorf("card.img has %d octets, %s", size, sum)
	}
	if sum, size := hexSum(t, z); e.ExtractSize != size || e.ExtractSHA256 != sum {
		t.Errorf("the compressed card has %d octets, %s", size, sum)
	}
	if sum, size := fileSum(t, packed.Name()); e.DownloadSize != size || e.DownloadSHA256 != sum || size > 120_000_000 {
		t.Errorf("%s has %d octets, %s", packed.Name(), size, sum)
	}
	r := release(t)
	if !strings.Contains(e.Name, r.Version) || e.Description == "" || e.ReleaseDate != r.Created[:10] || e.InitFormat != "none" {
		t.Errorf("%+v", e)
	}
	if strings.Join(e.Devices, " ") != "pi5-64bit pi4-64bit pi3-64bit" || !strings.HasSuffix(e.URL, filepath.Base(built(t, "*.img.gz"))) {
		t.Errorf("devices %v, url %s", e.Devices, e.URL)
	}
	checkIcon(t, e.Icon)
}

func TestSums(t *testing.T) {
	listed := map[string]string{}
	for line := range strings.Lines(string(read(t, built(t, "SHA256SUMS")))) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || listed[name] != "" {
			t.Fatalf("%q", line)
		}
		listed[name] = sum
	}
	for _, pattern := range []string{"*.img.gz", "*.phup", "os_list.json", "release.json"} {
		path := built(t, pattern)
		if want, _ := fileSum(t, path); listed[filepath.Base(path)] != want {
			t.Errorf("%s: %s in the list, it is %s", path, listed[filepath.Base(path)], want)
		}
		delete(listed, filepath.Base(path))
	}
	if len(listed) != 0 {
		t.Errorf("not there, but listed: %v", listed)
	}
}
