//go:build linux

package virtual

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"packhorse/board/card"
)

// superblockAt is where ext4 has its superblock in its partition.
const superblockAt = 1024

func (n *Node) diskPath() string { return filepath.Join(n.dir, "card.img") }

// insert makes a new card of an image and puts it into the node, which is off.
func (n *Node) insert(image string) error {
	if err := n.eject(); err != nil {
		return err
	}
	if err := copySparse(n.diskPath(), image, n.cardSize); err != nil {
		return err
	}
	table, err := readTable(n.diskPath())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(n.diskPath(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	n.card, n.table = f, table
	n.machine.disk = &disk{size: info.Size(), to: f, superblocks: []int64{table.Partitions[card.Data-1].Start + superblockAt}}
	return nil
}

func (n *Node) eject() error {
	if n.card == nil {
		return nil
	}
	err := n.card.Close()
	n.card = nil
	return err
}

// partition is a FAT partition of the card, by its number in the table.
func (n *Node) partition(number int) fat {
	return fat{n.diskPath(), n.table.Partitions[number-1].Start}
}

// WriteBoot puts a file at the top of the boot partition, as a person does who has the card in a reader. The node is off.
func (n *Node) WriteBoot(ctx context.Context, name string, content []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running() {
		return n.error("write "+name, errInUse)
	}
	return n.error("write "+name, n.partition(card.Boot).write(ctx, name, content))
}

// ReadBoot returns a file at the top of the boot partition; the node is off.
func (n *Node) ReadBoot(ctx context.Context, name string) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running() {
		return nil, n.error("read "+name, errInUse)
	}
	b, err := n.partition(card.Boot).read(ctx, name)
	return b, n.error("read "+name, err)
}

var errInUse = errors.New("the card is in use: switch the node off first")
