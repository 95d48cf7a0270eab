// Package crashfs cuts the power under a real ext4: a FUSE file system serves a disk as one
// file, the loop driver makes a block device of it, and ext4 is mounted on that. The disk
// records every write and every flush in order, so that a crash image can be made for any
// moment: all that was written before the last flush, a seeded random part of what was
// written since, and each write torn by sector. Mounted again, such an image goes through
// real journal recovery.
//
// New gives a mounted ext4 with counters of device writes, octets and flushes; it can play
// a slow card by delaying each flush. It needs Linux 5.8 or later, root, /dev/fuse and mkfs.ext4;
// Able tells what is missing. FUSE and ext4 are mounted nowhere in the tree but held by file descriptors
// alone, so nothing stays behind however the process ends.
//
// The tests drive package store on it: those that mount are run with PACKHORSE_MOUNT=1. PACKHORSE_SOAK=1 runs TestSoak, of 10,000 images.
package crashfs
