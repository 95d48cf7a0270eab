package main

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Geometry of the FAT32 that we write (Microsoft, "FAT: General Overview of On-Disk Format", 1.03). With clusters of
// 1 KiB a partition of 96 MiB has more than the 65,525 of them below which readers would take it for a FAT16.
const (
	sector      = 512
	cluster     = 1024
	minReserved = 32
	minClusters = 65525
	endOfChain  = 0x0fffffff
)

// fat is a FAT32 being made. Its files lie one after the other, and the same files make the same octets: no clock and
// no random number goes in.
type fat struct {
	size   int64 // of the partition, in octets
	label  string
	serial uint32
	at     time.Time // of all files
	next   []uint32  // the table: which cluster follows
	data   []byte    // from cluster 2 on
}

// image gives the file system up to the last octet that is not zero; the rest of the partition is zeros.
func (f *fat) image(files tree) ([]byte, error) {
	f.next, f.data = []uint32{0x0ffffff8, endOfChain}, nil
	reserved, perFAT := f.geometry()
	clusters := int(f.size/sector-int64(reserved+2*perFAT)) / (cluster / sector)
	if clusters < minClusters {
		return nil, fmt.Errorf("%d octets are too few for a FAT32", f.size)
	}
	f.dir(rootNode(files, f.label), 0)
	if free := clusters - (len(f.next) - 2); free < 0 {
		return nil, fmt.Errorf("the files are %d KiB too large for the partition", -free*cluster/1024)
	}
	b := make([]byte, (reserved+2*perFAT)*sector, (reserved+2*perFAT)*sector+len(f.data))
	f.heads(b, reserved, perFAT, clusters)
	table := b[reserved*sector:]
	for i, n := range f.next {
		binary.LittleEndian.PutUint32(table[4*i:], n)
	}
	copy(table[perFAT*sector:], table[:perFAT*sector])
	return append(b, f.data...), nil
}

// geometry gives the sectors before the first table, and those of one table, so that clusters begin at 4 KiB.
func (f *fat) geometry() (reserved, perFAT int) {
	clusters := int(f.size / cluster)
	perFAT = (4*(clusters+2) + sector - 1) / sector
	reserved = minReserved
	for (reserved+2*perFAT)%8 != 0 {
		reserved++
	}
	return reserved, perFAT
}

// heads writes boot sector and free counts, each twice.
func (f *fat) heads(b []byte, reserved, perFAT, clusters int) {
	le := binary.LittleEndian
	s := b[:sector]
	copy(s, "\xeb\x58\x90PACKHORS")
	le.PutUint16(s[11:], sector)
	s[13] = cluster / sector
	le.PutUint16(s[14:], uint16(reserved))
	s[16] = 2    // tables
	s[21] = 0xf8 // fixed disk
	le.PutUint16(s[24:], 63)
	le.PutUint16(s[26:], 255)
	le.PutUint32(s[32:], uint32(f.size/sector))
	le.PutUint32(s[36:], uint32(perFAT))
	le.PutUint32(s[44:], 2) // the root's cluster
	le.PutUint16(s[48:], 1) // free counts
	le.PutUint16(s[50:], 6) // second boot sector
	s[64], s[66] = 0x80, 0x29
	le.PutUint32(s[67:], f.serial)
	copy(s[71:], fmt.Sprintf("%-11.11sFAT32   ", f.label))
	s[510], s[511] = 0x55, 0xaa
	info := b[sector : 2*sector]
	copy(info, "RRaA")
	copy(info[484:], "rrAa")
	le.PutUint32(info[488:], uint32(clusters-(len(f.next)-2)))
	le.PutUint32(info[492:], uint32(len(f.next)-1))
	info[510], info[511] = 0x55, 0xaa
	copy(b[6*sector:], b[:2*sector])
}

// take reserves clusters in a row and gives the first, or 0 for none.
func (f *fat) take(octets int) uint32 {
	n, first := (octets+cluster-1)/cluster, len(f.next)
	if n == 0 {
		return 0
	}
	for i := range n {
		f.next = append(f.next, uint32(first+i+1))
	}
	f.next[len(f.next)-1] = endOfChain
	f.data = append(f.data, make([]byte, n*cluster)...)
	return uint32(first)
}

// put writes octets to clusters that were taken.
func (f *fat) put(first uint32, b []byte) {
	if first != 0 {
		copy(f.data[int(first-2)*cluster:], b)
	}
}
