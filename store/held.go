package store

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// heldDisk reads files as they were when they were opened.
type heldDisk struct {
	disk
	files       map[string]heldFile
	deaf        map[string][]stretch // what could not be read
	done, total int64
	progress    func(done, total int64)
	also        func(name string, content []byte) // sees what is read; nil: nobody
}

type heldFile struct {
	readFile
	size int64
}

// Close does nothing: the file stays held.
func (heldFile) Close() error { return nil }

func (d *heldDisk) hold(buckets []*bucket) error {
	for _, b := range buckets {
		f, err := d.disk.open(b.path())
		if err != nil {
			return err
		}
		st, err := f.Stat()
		if err != nil {
			f.Close()
			return err
		}
		d.files[b.path()] = heldFile{f, st.Size()}
		d.total += st.Size()
	}
	return nil
}

func (d *heldDisk) release() {
	for _, f := range d.files {
		f.readFile.Close()
	}
	d.files = nil
}

func (d *heldDisk) open(name string) (readFile, error) {
	f, ok := d.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f, nil
}

func (d *heldDisk) readFile(name string) ([]byte, error) { return d.readInto(name, nil) }

func (d *heldDisk) readInto(name string, buf []byte) ([]byte, error) {
	f, ok := d.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if int64(cap(buf)) < f.size {
		buf = make([]byte, f.size)
	}
	b, deaf, err := salvage(f, buf[:f.size])
	if err != nil {
		return nil, err
	}
	if len(deaf) > 0 {
		d.deaf[name] = deaf
	}
	if d.also != nil {
		d.also(name, b)
	}
	d.done += f.size
	if d.progress != nil {
		d.progress(min(d.done, d.total), d.total)
	}
	return b, nil
}

// salvageBlock is what a card that cannot read a place gives up at once.
const salvageBlock = 4096

// stretch is a part of a file.
type stretch struct{ from, to int }

// salvage reads a file of a failing disk. What cannot be read is octets that no checksum takes for a record, nor anybody for
// room that was never used.
func salvage(f io.ReaderAt, b []byte) (_ []byte, deaf []stretch, err error) {
	n, err := f.ReadAt(b, 0)
	if !errors.Is(err, syscall.EIO) {
		b, err = shortened(b, n, err)
		return b, nil, err
	}
	for at := 0; at < len(b); at += salvageBlock {
		end := min(at+salvageBlock, len(b))
		n, err := f.ReadAt(b[at:end], int64(at))
		if err == nil || errors.Is(err, io.EOF) {
			continue
		}
		if !errors.Is(err, syscall.EIO) {
			return nil, nil, err
		}
		for i := at + n; i < end; i++ {
			b[i] = 0xff
		}
		deaf = append(deaf, stretch{at + n, end})
	}
	return b, deaf, nil
}

// shortened takes a file that became shorter for what it is now.
func shortened(b []byte, n int, err error) ([]byte, error) {
	if err == nil || errors.Is(err, io.EOF) {
		return b[:n], nil
	}
	return nil, err
}
