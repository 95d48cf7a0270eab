package main

import (
	"bytes"
	"fmt"
	"io"
)

// Kinds of members, as in st_mode (inode(7)).
const (
	kindDir  = 0o040000
	kindFile = 0o100000
	kindChar = 0o020000
)

// member is one file of a cpio archive. Owner is root, its time is 0, so that archives of the same members are the same.
type member struct {
	name         string // without a slash in front
	mode         uint32 // kind and permissions
	major, minor uint32 // of a device
	data         []byte
}

// writeCPIO writes an archive in the form "newc" that the kernel unpacks (Documentation/driver-api/early-userspace/
// buffer-format.rst). Members must come after their directories.
func writeCPIO(w io.Writer, members []member) error {
	var b bytes.Buffer
	for i, m := range append(members[:len(members):len(members)], member{name: "TRAILER!!!"}) {
		b.Reset()
		b.WriteString("070701")
		for _, v := range []uint32{uint32(i + 1), m.mode, 0, 0, m.links(), 0, uint32(len(m.data)), 0, 0, m.major, m.minor, uint32(len(m.name) + 1), 0} {
			fmt.Fprintf(&b, "%08X", v)
		}
		b.WriteString(m.name)
		b.WriteByte(0)
		pad4(&b)
		b.Write(m.data)
		pad4(&b)
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (m member) links() uint32 {
	if m.mode&kindDir != 0 && m.mode&kindFile == 0 {
		return 2
	}
	return 1
}

func pad4(b *bytes.Buffer) {
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
}
