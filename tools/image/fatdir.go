package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Attributes of directory entries.
const (
	attrLabel   = 0x08
	attrDir     = 0x10
	attrArchive = 0x20
	attrLong    = 0x0f
)

const (
	entrySize  = 32
	entryUnits = 13 // characters of a long name in one entry
)

// node is a file or directory of a FAT.
type node struct {
	name     string
	attr     byte
	data     []byte
	children []*node // in the order of their paths
}

// rootNode sorts the files into directories. A label makes the first entry.
func rootNode(files tree, label string) *node {
	root := &node{attr: attrDir, children: []*node{{name: label, attr: attrLabel}}}
	dirs := map[string]*node{"": root}
	add := func(path string, n *node) {
		up := ""
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			up = path[:i]
		}
		n.name = strings.TrimPrefix(path[len(up):], "/")
		dirs[up].children = append(dirs[up].children, n)
	}
	for _, d := range files.dirs() {
		dirs[d] = &node{attr: attrDir}
		add(d, dirs[d])
	}
	for _, p := range files.paths() {
		add(p, &node{attr: attrArchive, data: files[p]})
	}
	return root
}

// dir writes a directory and all in it. up is the first cluster of the directory that it is in; as FAT wants it, 0 stands
// for the root, and the root, which has 0 for up too, has no entries for itself and what is above it.
func (f *fat) dir(d *node, up uint32) (first uint32) {
	isRoot := len(f.next) == 2
	short := shortNames(d.children)
	size := 0
	for i, c := range d.children {
		size += entrySize * (1 + len(longName(c, short[i])))
	}
	first = f.take(size + 2*entrySize)
	var b bytes.Buffer
	self := first
	if isRoot {
		self = 0
	} else {
		b.Write(f.entry(".          ", attrDir, first, 0))
		b.Write(f.entry("..         ", attrDir, up, 0))
	}
	for i, c := range d.children {
		for _, e := range longName(c, short[i]) {
			b.Write(e)
		}
		b.Write(f.child(c, short[i], self))
	}
	f.put(first, b.Bytes())
	return first
}

// child writes a file or directory and gives its entry.
func (f *fat) child(c *node, short string, up uint32) []byte {
	if c.attr == attrDir {
		return f.entry(short, attrDir, f.dir(c, up), 0)
	}
	first := f.take(len(c.data))
	f.put(first, c.data)
	return f.entry(short, c.attr, first, len(c.data))
}

// entry is what a directory says of a file. All times are the same.
func (f *fat) entry(short string, attr byte, first uint32, size int) []byte {
	le, e := binary.LittleEndian, make([]byte, entrySize)
	copy(e, short)
	e[11] = attr
	day := uint16((f.at.Year()-1980)<<9 | int(f.at.Month())<<5 | f.at.Day())
	clock := uint16(f.at.Hour()<<11 | f.at.Minute()<<5 | f.at.Second()/2)
	le.PutUint16(e[14:], clock)
	le.PutUint16(e[16:], day)
	le.PutUint16(e[18:], day)
	le.PutUint16(e[20:], uint16(first>>16))
	le.PutUint16(e[22:], clock)
	le.PutUint16(e[24:], day)
	le.PutUint16(e[26:], uint16(first))
	le.PutUint32(e[28:], uint32(size))
	return e
}

// shortNames gives each entry the eleven characters that old systems see: the name itself in capitals where it fits,
// else its beginning with a number.
func shortNames(children []*node) []string {
	out, used := make([]string, len(children)), map[string]bool{}
	for i, c := range children {
		base, ext := c.name, ""
		if j := strings.LastIndexByte(c.name, '.'); j > 0 && c.attr != attrLabel {
			base, ext = c.name[:j], c.name[j+1:]
		}
		if c.attr == attrLabel {
			out[i] = fmt.Sprintf("%-11.11s", c.name)
			continue
		}
		b, e := oldLetters(base), oldLetters(ext)
		s := fmt.Sprintf("%-8.8s%-3.3s", b, e)
		for n := 1; used[s] || (n == 1 && !fits(base, ext, b, e)); n++ {
			tail := fmt.Sprintf("~%d", n)
			s = fmt.Sprintf("%-8s%-3.3s", b[:min(len(b), 8-len(tail))]+tail, e)
			if !used[s] {
				break
			}
		}
		out[i], used[s] = s, true
	}
	return out
}

func fits(base, ext, b, e string) bool {
	return len(base) <= 8 && len(ext) <= 3 && strings.EqualFold(base, b) && strings.EqualFold(ext, e)
}

// oldLetters are those that a short name may have.
func oldLetters(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		}
		return -1
	}, s)
}

// longName gives the entries that hold the name as it is, unless the short name says all.
func longName(c *node, short string) [][]byte {
	if c.attr == attrLabel || c.name == strings.TrimSuffix(strings.TrimSpace(short[:8])+"."+strings.TrimSpace(short[8:]), ".") {
		return nil
	}
	var sum byte
	for i := range 11 {
		sum = sum>>1 | sum<<7
		sum += short[i]
	}
	units := utf16.Encode([]rune(c.name))
	if len(units)%entryUnits != 0 { // a name that fills its entries has no end mark
		units = append(units, 0)
	}
	for len(units)%entryUnits != 0 {
		units = append(units, 0xffff)
	}
	n := len(units) / entryUnits
	out := make([][]byte, n)
	for i := range n {
		out[n-1-i] = longEntry(byte(i+1), i == n-1, sum, units[entryUnits*i:][:entryUnits])
	}
	return out
}

func longEntry(n byte, last bool, sum byte, units []uint16) []byte {
	e := make([]byte, entrySize)
	if e[0] = n; last {
		e[0] |= 0x40
	}
	e[11], e[13] = attrLong, sum
	for i, u := range units {
		at := 1 + 2*i
		if i >= 11 {
			at = 28 + 2*(i-11)
		} else if i >= 5 {
			at = 14 + 2*(i-5)
		}
		binary.LittleEndian.PutUint16(e[at:], u)
	}
	return e
}
