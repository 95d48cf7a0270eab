//go:build linux

package virtual

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Words of the network block device protocol (doc/proto.md of the nbd project), of which we speak what QEMU needs:
// fixed newstyle negotiation of one export without a name, and simple replies.
const (
	nbdMagic        = 0x4e42444d41474943 // "NBDMAGIC"
	nbdOptionMagic  = 0x49484156454f5054 // "IHAVEOPT"
	nbdOptionReply  = 0x3e889045565a9
	nbdRequestMagic = 0x25609513
	nbdReplyMagic   = 0x67446698

	nbdFixedNewstyle = 1
	nbdNoZeroes      = 2

	nbdOptionExport = 1
	nbdOptionAbort  = 2
	nbdOptionGo     = 7

	nbdAck         = 1
	nbdInfo        = 3
	nbdUnsupported = 1<<31 | 1

	nbdHasFlags  = 1
	nbdSendFlush = 4

	nbdRead  = 0
	nbdWrite = 1
	nbdDisc  = 2
	nbdFlush = 3

	nbdIOError = 5 // EIO
	nbdInvalid = 22

	nbdLongest = 32 << 20 // octets of one request: what clients may ask of a server that says nothing else
)

// serveNBD is a block device for one client, until that leaves. What came in whole was done, whether the client has
// heard of it or not. One request is done after the other.
func serveNBD(c io.ReadWriter, d *disk) error {
	flags, err := nbdGreet(c)
	if err != nil {
		return err
	}
	for {
		done, err := nbdNegotiate(c, d.size, flags)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	for {
		if more, err := nbdRequest(c, d); err != nil || !more {
			return err
		}
	}
}

// nbdGreet says who we are and hears the client's flags.
func nbdGreet(c io.ReadWriter) (flags uint32, err error) {
	b := binary.BigEndian.AppendUint64(nil, nbdMagic)
	b = binary.BigEndian.AppendUint64(b, nbdOptionMagic)
	b = binary.BigEndian.AppendUint16(b, nbdFixedNewstyle|nbdNoZeroes)
	if _, err := c.Write(b); err != nil {
		return 0, err
	}
	err = binary.Read(c, binary.BigEndian, &flags)
	return flags, err
}

// nbdNegotiate answers one option; done is set when the client may send requests.
func nbdNegotiate(c io.ReadWriter, size int64, flags uint32) (done bool, err error) {
	var head struct {
		Magic          uint64
		Option, Length uint32
	}
	if err := binary.Read(c, binary.BigEndian, &head); err != nil {
		return false, err
	}
	if head.Magic != nbdOptionMagic || head.Length > 1<<16 {
		return false, errors.New("virtual: what talks to the disk is no NBD client")
	}
	if _, err := io.CopyN(io.Discard, c, int64(head.Length)); err != nil {
		return false, err
	}
	export := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(nil, uint64(size)), nbdHasFlags|nbdSendFlush)
	switch head.Option {
	case nbdOptionExport:
		if flags&nbdNoZeroes == 0 {
			export = append(export, make([]byte, 124)...)
		}
		_, err := c.Write(export)
		return true, err
	case nbdOptionGo:
		if err := nbdOption(c, head.Option, nbdInfo, append([]byte{0, 0}, export...)); err != nil {
			return false, err
		}
		return true, nbdOption(c, head.Option, nbdAck, nil)
	case nbdOptionAbort:
		return false, io.EOF
	}
	return false, nbdOption(c, head.Option, nbdUnsupported, nil)
}

func nbdOption(c io.Writer, option, kind uint32, data []byte) error {
	b := binary.BigEndian.AppendUint64(nil, nbdOptionReply)
	b = binary.BigEndian.AppendUint32(b, option)
	b = binary.BigEndian.AppendUint32(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	_, err := c.Write(append(b, data...))
	return err
}

// nbdHead begins each request.
type nbdHead struct {
	Magic       uint32
	Flags, Kind uint16
	Handle      uint64
	Off         uint64
	Length      uint32
}

// nbdRequest does one request; more is false when the client has said goodbye.
func nbdRequest(c io.ReadWriter, d *disk) (more bool, err error) {
	var r nbdHead
	if err := binary.Read(c, binary.BigEndian, &r); err != nil {
		return false, err
	}
	if r.Magic != nbdRequestMagic || r.Length > nbdLongest {
		return false, fmt.Errorf("virtual: the disk got a request with magic %x for %d octets", r.Magic, r.Length)
	}
	if r.Kind == nbdDisc {
		return false, nil
	}
	data, code, err := nbdDo(c, d, r)
	if err != nil {
		return false, err
	}
	b := binary.BigEndian.AppendUint32(nil, nbdReplyMagic)
	b = binary.BigEndian.AppendUint32(b, code)
	b = binary.BigEndian.AppendUint64(b, r.Handle)
	// A client that is gone does not hear it; what it has sent before is still to be done.
	_, _ = c.Write(append(b, data...))
	return true, nil
}

// nbdDo answers what was read, or an error number for the client. An error means that nothing is answered
// any more: the request did not come in whole, or the disk has stopped.
func nbdDo(c io.Reader, d *disk, r nbdHead) (data []byte, code uint32, err error) {
	switch r.Kind {
	case nbdRead:
		data = make([]byte, r.Length)
		_, err := d.ReadAt(data, int64(r.Off))
		if err != nil {
			data = nil
		}
		return nbdAnswer(data, err)
	case nbdWrite:
		b := make([]byte, r.Length)
		if _, err := io.ReadFull(c, b); err != nil {
			return nil, 0, err
		}
		_, err := d.WriteAt(b, int64(r.Off))
		return nbdAnswer(nil, err)
	case nbdFlush:
		return nbdAnswer(nil, d.Flush())
	}
	return nil, nbdInvalid, nil
}

// nbdAnswer tells the client of a failure, unless the disk has stopped: then it answers nothing.
func nbdAnswer(data []byte, err error) ([]byte, uint32, error) {
	switch {
	case errors.Is(err, errStopped):
		return nil, 0, err
	case err != nil:
		return data, nbdIOError, nil
	}
	return data, 0, nil
}
