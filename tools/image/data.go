package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"packhorse/board/card"
)

// Words that mkfs.ext4 would draw by lot.
const (
	dataUUID = "5041434b-484f-5253-8000-000064617461"
	dataSeed = "5041434b-484f-5253-8000-000073656564"
)

// dataFeatures are all that the data partition has, whatever mke2fs.conf of this machine says.
const dataFeatures = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

// growTo is the size in blocks of 4 KiB up to which the running appliance can let the data partition grow: 512 GiB.
const growTo = 1 << 27

// makeData gives an empty data partition. One inode for 64 KiB: the store has few files, and a grown partition has less
// to initialise.
func makeData(ctx context.Context, at time.Time) ([]byte, error) {
	mkfs, err := findMkfs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "packhorse-image")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "data.ext4")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(path, card.DataSize); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, mkfs, "-q", "-F", "-t", "ext4", "-b", "4096", "-i", "65536", "-I", "256", "-m", "0", "-e", "remount-ro", "-J", "size=8",
		"-L", card.DataLabel, "-U", dataUUID, "-O", dataFeatures,
		"-E", fmt.Sprintf("hash_seed=%s,resize=%d,nodiscard,lazy_itable_init=0,lazy_journal_init=0", dataSeed, growTo), path)
	stamp := strconv.FormatInt(at.Unix(), 10)
	c.Env = append(os.Environ(), "MKE2FS_CONFIG=/dev/null", "E2FSPROGS_FAKE_TIME="+stamp, "SOURCE_DATE_EPOCH="+stamp)
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	return bytes.TrimRight(b, "\x00"), err
}

// findMkfs also looks where a user's PATH may not.
func findMkfs() (string, error) {
	for _, name := range []string{"mkfs.ext4", "/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", errors.New("mkfs.ext4 is missing: apt install e2fsprogs")
}
