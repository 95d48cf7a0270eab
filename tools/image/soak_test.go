package main

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/testbench/hil"
)

// soakVar lets the test run that takes a minute and qemu-system-arm; make soak sets it.
const soakVar = "PACKHORSE_SOAK"

// The card has to start in an emulated Raspberry Pi 3: by its own device tree, from the SD controller. QEMU runs no
// firmware of the Pi, so kernel, tree and initramfs are taken from the slot as the firmware would. It also takes the
// start of the board's watchdog for a reset, which is why that driver is left out. The console is on the second UART: the
// first is Bluetooth's until config.txt says otherwise.
func TestSoakCardStartsInRaspi3b(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"vmlinuz", "initrd.gz", "bcm2710-rpi-3-b.dtb"} {
		if err := os.WriteFile(filepath.Join(dir, name), systemTree(t)[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	disk := filepath.Join(dir, "sd.img")
	if out, err := exec.Command("cp", "--sparse=always", built(t, "card.img"), disk).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Truncate(disk, 1<<30); err != nil { // a card is larger than its image
		t.Fatal(err)
	}
	box := startRaspi3b(t, dir, "console=ttyS0,115200 quiet loglevel=3 panic=-1 packhorse.partition=2 initcall_blacklist=bcm2835_wdt_driver_init")
	banner, err := box.console.Ready(box.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if banner.Version != release(t).Version || banner.Slot != "A" {
		t.Errorf("banner: %+v", banner)
	}
	if r, err := box.console.Run(box.ctx, "version"); err != nil || r.Exit != 0 || !strings.Contains(r.Output, banner.Version) {
		t.Errorf("version: %+v, %v", r, err)
	}
	t.Logf("%s; a command took its way", banner.Uptime)
	box.stop()
	checkGrown(t, disk)
}

// checkGrown wants the data partition to reach the end of the card, and its file system to be whole after the plug was
// pulled.
func checkGrown(t *testing.T, disk string) {
	t.Helper()
	mbr := read(t, part(t, disk, 0, 512))
	entry := mbr[446+3*16:]
	start, size := int64(binary.LittleEndian.Uint32(entry[8:]))*512, int64(binary.LittleEndian.Uint32(entry[12:]))*512
	if start != dataAt || start+size < 1<<30-8*mib {
		t.Fatalf("the data partition goes from %d to %d MiB", start/mib, (start+size)/mib)
	}
	img := part(t, disk, start, size)
	c := exec.Command("/usr/sbin/e2fsck", "-p", img) // replays the journal
	if out, err := c.CombinedOutput(); err != nil && c.ProcessState.ExitCode() > 1 {
		t.Errorf("%v: %s", err, out)
	}
	run(t, "e2fsck", "-f", "-n", img)
	if blocks := binary.LittleEndian.Uint32(read(t, img)[1024+4:]); int64(blocks)*4096 < size-128*mib {
		t.Errorf("the file system has %d MiB of %d", int64(blocks)*4096/mib, size/mib)
	}
}

// emulated is a machine with its serial console.
type emulated struct {
	console *hil.Console
	ctx     context.Context // ends when it has taken too long
	line    net.Conn
	cmd     *exec.Cmd
}

func startRaspi3b(t *testing.T, dir, words string) *emulated {
	t.Helper()
	socket := filepath.Join(dir, "console")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(stop)
	c := exec.CommandContext(ctx, "qemu-system-aarch64", "-M", "raspi3b", "-m", "1024", "-smp", "4", "-display", "none", "-monitor", "none", "-no-reboot",
		"-kernel", "vmlinuz", "-initrd", "initrd.gz", "-dtb", "bcm2710-rpi-3-b.dtb", "-append", words,
		"-drive", "if=sd,format=raw,file=sd.img", "-serial", "null", "-serial", "unix:"+socket)
	c.Dir, c.Stderr = dir, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatalf("%v: apt install qemu-system-arm", err)
	}
	line, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	e := &emulated{hil.NewConsole("raspi3b", line, t.Output(), "the output of this test"), ctx, line, c}
	t.Cleanup(e.stop)
	return e
}

// stop pulls the plug.
func (e *emulated) stop() {
	if e.cmd.ProcessState == nil {
		e.cmd.Process.Kill()
		e.cmd.Wait()
		e.line.Close()
	}
}
