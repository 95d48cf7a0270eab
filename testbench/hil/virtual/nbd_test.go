//go:build linux

package virtual

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
)

// client speaks NBD as QEMU does.
type client struct {
	t *testing.T
	net.Conn
}

func (c client) send(v any) {
	c.t.Helper()
	if err := binary.Write(c, binary.BigEndian, v); err != nil {
		c.t.Fatal(err)
	}
}

// want reads so many octets as are given and compares.
func (c client) want(want []byte) {
	c.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		c.t.Fatalf("got %x, %v, want %x", got, err, want)
	}
}

func big(vs ...any) []byte {
	var b []byte
	for _, v := range vs {
		b, _ = binary.Append(b, binary.BigEndian, v)
	}
	return b
}

// request sends one and wants its reply to begin with this code.
func (c client) request(kind uint16, off uint64, length uint32, data []byte, code uint32) {
	c.t.Helper()
	c.send(append(big(uint32(nbdRequestMagic), uint16(0), kind, uint64(77), off, length), data...))
	c.want(big(uint32(nbdReplyMagic), code, uint64(77)))
}

func served(t *testing.T, size int) (client, memory, *disk, chan error) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	m := make(memory, size)
	d := &disk{size: int64(size), to: m}
	end := make(chan error, 1)
	go func() { end <- serveNBD(theirs, d); theirs.Close() }()
	c := client{t, ours}
	c.want(big(uint64(nbdMagic), uint64(nbdOptionMagic), uint16(3)))
	c.send(uint32(nbdFixedNewstyle | nbdNoZeroes))
	return c, m, d, end
}

func TestNBDServesTheDisk(t *testing.T) {
	c, m, d, end := served(t, 4096)
	c.send(big(uint64(nbdOptionMagic), uint32(8), uint32(0))) // structured replies: no
	c.want(big(uint64(nbdOptionReply), uint32(8), uint32(nbdUnsupported), uint32(0)))
	c.send(big(uint64(nbdOptionMagic), uint32(nbdOptionGo), uint32(6), uint32(0), uint16(0)))
	c.want(big(uint64(nbdOptionReply), uint32(nbdOptionGo), uint32(nbdInfo), uint32(12), uint16(0), uint64(4096), uint16(nbdHasFlags|nbdSendFlush)))
	c.want(big(uint64(nbdOptionReply), uint32(nbdOptionGo), uint32(nbdAck), uint32(0)))

	data := bytes.Repeat([]byte{9}, 512)
	c.request(nbdWrite, 1024, 512, data, 0)
	c.request(nbdRead, 1024, 512, nil, 0)
	c.want(data)
	c.request(nbdWrite, 4096, 512, data, nbdIOError)
	c.request(6, 0, 512, nil, nbdInvalid)
	if len(d.pending) != 1 || m[1024] != 9 {
		t.Errorf("%d writes in the cache", len(d.pending))
	}
	c.request(nbdFlush, 0, 0, nil, 0)
	if len(d.pending) != 0 {
		t.Error("a flush left writes in the cache")
	}
	c.send(big(uint32(nbdRequestMagic), uint16(0), uint16(nbdDisc), uint64(0), uint64(0), uint32(0)))
	if err := <-end; err != nil {
		t.Errorf("after goodbye: %v", err)
	}
}

func TestNBDDropsWhatDidNotComeInWhole(t *testing.T) {
	c, m, d, end := served(t, 4096)
	c.send(big(uint64(nbdOptionMagic), uint32(nbdOptionExport), uint32(0)))
	c.want(big(uint64(4096), uint16(nbdHasFlags|nbdSendFlush)))
	c.send(big(uint32(nbdRequestMagic), uint16(0), uint16(nbdWrite), uint64(1), uint64(0), uint32(512), make([]byte, 511)))
	c.Close()
	if err := <-end; !errors.Is(err, io.ErrUnexpectedEOF) || len(d.pending) != 0 || m[0] != 0 {
		t.Errorf("%d writes, %v", len(d.pending), err)
	}
}

func TestNBDClientsOfAnotherKind(t *testing.T) {
	c, _, _, end := served(t, 4096)
	c.send(bytes.Repeat([]byte{1}, 16))
	if err := <-end; err == nil {
		t.Error("served it")
	}
}
