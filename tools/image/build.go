package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"packhorse/board/card"
)

// options are what the command line says.
type options struct {
	version string
	out     string // directory
	binary  string // path of one that was built already
	raw     bool   // nothing compressed
	key     string // path of the key that signs
	url     string // of the directory that the image will be in, with a slash

	updateKeys []string // that may sign, too
}

// builder holds what the steps of one build share.
type builder struct {
	options
	*steps
	root    string // of the tree
	modules map[string]module
	at      time.Time // of the source
	program []byte    // packhorse for arm64
	terms   []byte    // under which its code may be passed on
	kernel  []byte    // compressed
	data    []byte    // file system of the data partition, without the zeros at its end
	members []member  // of the initramfs, without what says the release
	slot    tree
	release card.Release
	slotFAT []byte // without the zeros at its end
	keys    keyring
}

// build makes the image and what goes with it.
func build(ctx context.Context, o options) (summary, error) {
	b := &builder{options: o, steps: newSteps(os.Stderr)}
	if err := b.prepare(ctx); err != nil {
		return summary{}, err
	}
	if err := beside(
		func() error { return b.do("packhorse for arm64", func() error { return b.makeBinary(ctx) }) },
		func() error { return b.do("kernel, compressed", b.makeKernel) },
		func() error {
			return b.do("data partition", func() (err error) { b.data, err = makeData(ctx, b.at); return err })
		},
	); err != nil {
		return summary{}, err
	}
	if err := b.do("system: initramfs, firmware, partition", b.makeSlot); err != nil {
		return summary{}, err
	}
	if err := b.do("card", b.makeDisk); err != nil {
		return summary{}, err
	}
	if b.raw {
		return b.summarise(diskFile, slotFile, card.ReleaseFile)
	}
	if err := beside(
		func() error { return b.do("compressed card", b.compressDisk) },
		func() error { return b.do("update file", b.makeUpdate) },
	); err != nil {
		return summary{}, err
	}
	return b.publish()
}

// prepare asks what there is to build from.
func (b *builder) prepare(ctx context.Context) (err error) {
	if b.modules, err = findModules(ctx); err != nil {
		return err
	}
	b.root = b.modules[ourModule].Dir
	if b.at, err = sourceTime(ctx, b.root); err != nil {
		return err
	}
	if b.version == "" {
		b.version = sourceVersion(ctx, b.root)
	}
	if !filepath.IsAbs(b.out) {
		b.out = filepath.Join(b.root, b.out)
	}
	b.say("packhorse %s for %s of %s, in %s", b.version, card.BoardPi, b.at.Format(time.RFC3339), b.out)
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	return b.loadKeys()
}

// makeBinary builds what is everything in the running appliance: init, gateway and commands. It is the one that a
// release has.
func (b *builder) makeBinary(ctx context.Context) (err error) {
	path := b.binary
	if path == "" {
		dir, err := os.MkdirTemp("", "packhorse-image")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if _, err := command(ctx, b.root, nil, "go", "run", "./tools/release", "-version", b.version, "-out", dir, "-only", target); err != nil {
			return err
		}
		path = filepath.Join(dir, "packhorse-"+b.version+"-"+target)
	}
	if b.program, err = os.ReadFile(path); err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	b.terms, err = command(ctx, b.root, nil, "go", "run", "./tools/licences", path)
	return err
}

// makeKernel compresses the kernel, which firmware and QEMU both take: reading it from a card takes longer than
// unpacking it.
func (b *builder) makeKernel() error {
	raw, err := os.ReadFile(filepath.Join(b.modules[kernelModule].Dir, "vmlinuz"))
	if err != nil {
		return err
	}
	b.kernel, err = zip(raw)
	return err
}

// target is what tools/release calls the machine.
const target = "linux-arm64"

// Files that every build leaves, for emulators and tests.
const (
	diskFile = "card.img" // the whole card
	slotFile = "slot.img" // one system, as long as its partition
)

// makeDisk writes card and slot, with holes where they are empty, and what they call themselves.
func (b *builder) makeDisk() error {
	if err := os.WriteFile(b.path(card.ReleaseFile), b.slot[card.ReleaseFile], 0o644); err != nil {
		return err
	}
	if err := b.create(slotFile, func(f *os.File) error {
		if err := writeHoles(f, 0, b.slotFAT); err != nil {
			return err
		}
		return f.Truncate(card.SlotSize)
	}); err != nil {
		return err
	}
	return b.create(diskFile, b.fillDisk)
}

func (b *builder) path(name string) string { return filepath.Join(b.out, name) }

// create makes a file in the directory of the build.
func (b *builder) create(name string, fill func(*os.File) error) error {
	f, err := os.Create(b.path(name))
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func (b *builder) fillDisk(f *os.File) error {
	table := card.Layout(card.DataSize)
	mbr := make([]byte, card.SectorSize)
	if err := table.Put(mbr); err != nil {
		return err
	}
	boot, err := b.bootFAT()
	if err != nil {
		return err
	}
	other, err := (&fat{size: card.SlotSize, label: slotLabel, serial: slotSerial, at: b.at}).image(nil)
	if err != nil {
		return err
	}
	if err := f.Truncate(diskSize(table)); err != nil {
		return err
	}
	at := func(n int) int64 { return table.Partitions[n-1].Start }
	for start, octets := range map[int64][]byte{0: mbr, at(card.Boot): boot, at(card.SlotA): b.slotFAT, at(card.SlotB): other, at(card.Data): b.data} {
		if err := writeHoles(f, start, octets); err != nil {
			return err
		}
	}
	return nil
}

// diskSize is that of the image: a power of two, since QEMU takes no other cards.
func diskSize(t card.Table) int64 {
	last := t.Partitions[card.Data-1]
	size := int64(1)
	for size < last.Start+last.Size {
		size *= 2
	}
	return size
}

// writeHoles writes octets, but nothing where they are zero.
func writeHoles(w io.WriterAt, at int64, b []byte) error {
	const block = 4096
	zero := make([]byte, block)
	for len(b) > 0 {
		n := min(block, len(b))
		if string(b[:n]) != string(zero[:n]) {
			if _, err := w.WriteAt(b[:n], at); err != nil {
				return err
			}
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// name is that of a file to be handed out.
func (b *builder) name(suffix string) string {
	return fmt.Sprintf("packhorse-%s-%s%s", b.version, card.BoardPi, suffix)
}
