package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// faultDisk counts the calls and fails one of them. A failing flush leaves a part of what
// it should have written.
type faultDisk struct {
	disk
	mu        sync.Mutex // the owner tidies up while a test reads
	calls     []string
	failAt    int // number of the call to fail, from 1; 0 is none
	sticky    bool
	err       error
	freeBytes int64
	failName  string
	skip      int
}

func (d *faultDisk) call(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, name)
	n := len(d.calls)
	if d.failName == name {
		if d.skip--; d.skip < 0 {
			return fmt.Errorf("%s: %w", name, d.err)
		}
	}
	if d.failAt > 0 && (n == d.failAt || d.sticky && n > d.failAt) {
		return fmt.Errorf("%s: %w", name, d.err)
	}
	return nil
}

// failNext fails the calls of a name but for the first few.
func (d *faultDisk) failNext(name string, skip int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failName, d.skip = name, skip
}

func (d *faultDisk) heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.failName = 0, ""
}

func (d *faultDisk) openLog(dir string) (appender, error) {
	if err := d.call("openLog"); err != nil {
		return nil, err
	}
	l, err := d.disk.openLog(dir)
	return &faultLog{l, d, dir}, err
}
func (d *faultDisk) readDir(dir string) ([]fs.DirEntry, error) {
	if err := d.call("readDir"); err != nil {
		return nil, err
	}
	return d.disk.readDir(dir)
}
func (d *faultDisk) readInto(name string, buf []byte) ([]byte, error) {
	if err := d.call("readInto"); err != nil {
		return nil, err
	}
	return d.disk.readInto(name, buf)
}
func (d *faultDisk) open(name string) (readFile, error) {
	if err := d.call("open"); err != nil {
		return nil, err
	}
	return d.disk.open(name)
}
func (d *faultDisk) mkdir(dir string) error {
	if err := d.call("mkdir"); err != nil {
		return err
	}
	return d.disk.mkdir(dir)
}
func (d *faultDisk) create(name string) error {
	if err := d.call("create"); err != nil {
		return err
	}
	return d.disk.create(name)
}
func (d *faultDisk) truncate(name string, size int64) error {
	if err := d.call("truncate"); err != nil {
		return err
	}
	return d.disk.truncate(name, size)
}
func (d *faultDisk) remove(name string) error {
	if err := d.call("remove"); err != nil {
		return err
	}
	return d.disk.remove(name)
}
func (d *faultDisk) rename(from, to string) error {
	if err := d.call("rename"); err != nil {
		return err
	}
	return d.disk.rename(from, to)
}
func (d *faultDisk) createNew(name string) (writeFile, error) {
	if err := d.call("createNew"); err != nil {
		return nil, err
	}
	f, err := d.disk.createNew(name)
	return &faultFile{f, d}, err
}
func (d *faultDisk) syncDir(dir string) error {
	if err := d.call("syncDir"); err != nil {
		return err
	}
	return d.disk.syncDir(dir)
}
func (d *faultDisk) free(string) (int64, error) {
	if err := d.call("free"); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.freeBytes, nil
}

// faultFile is a file being written; a failing write leaves a part of what it should have written.
type faultFile struct {
	writeFile
	d *faultDisk
}

func (f *faultFile) Write(b []byte) (int, error) {
	if err := f.d.call("write"); err != nil {
		n, _ := f.writeFile.Write(b[:len(b)*2/3])
		return n, err
	}
	return f.writeFile.Write(b)
}

func (f *faultFile) Sync() error {
	if err := f.d.call("sync"); err != nil {
		return err
	}
	return f.writeFile.Sync()
}

func (f *faultFile) Close() error {
	if err := f.d.call("close"); err != nil {
		f.writeFile.Close()
		return err
	}
	return f.writeFile.Close()
}

type faultLog struct {
	appender
	d   *faultDisk
	dir string
}

func (l *faultLog) flush() error {
	if err := l.d.call("flush"); err != nil {
		return errors.Join(err, l.tear())
	}
	return l.appender.flush()
}

// tear writes, and takes back the last third.
func (l *faultLog) tear() error {
	names, err := filepath.Glob(filepath.Join(l.dir, "0*"))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("segments: %v %w", names, err)
	}
	newest := names[len(names)-1]
	before, _ := os.Stat(newest)
	if err := l.appender.flush(); err != nil {
		return err
	}
	after, _ := os.Stat(newest)
	return os.Truncate(newest, before.Size()+(after.Size()-before.Size())*2/3)
}

func (l *faultLog) runway(from, to int64) (int64, error) {
	if err := l.d.call("runway"); err != nil {
		_, _ = l.appender.runway(from, from+(to-from)/3)
		return from, err
	}
	return l.appender.runway(from, to)
}

func (l *faultLog) trim(size int64) error {
	if err := l.d.call("trim"); err != nil {
		return err
	}
	return l.appender.trim(size)
}

func (l *faultLog) sync() error {
	if err := l.d.call("sync"); err != nil {
		return err
	}
	return l.appender.sync()
}

func (l *faultLog) close() error {
	if err := l.d.call("close"); err != nil {
		return err
	}
	return l.appender.close()
}

// workload is the same for every fault: it seals, empties and removes buckets, and streams.
func workload(s *Store, m model) (refused int) {
	r := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		ops := randomBatch(r)
		write := s.Apply
		if i%9 == 4 {
			ops[0] = Op{Kind: 1, Key: "stream", Value: octets(uint64(i), i*10_000)}
			write = func(ops ...Op) error { return stream(s, ops[0], ops[1:]...) }
		}
		if err := write(ops...); err != nil {
			refused++
			continue
		}
		m.apply(ops)
	}
	return refused
}

// stream is Apply by a Writer.
func stream(s *Store, op Op, extra ...Op) error {
	w, err := s.Create(op.Kind, op.Key)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := writeAll(w, op.Value); err != nil {
		return err
	}
	return w.Commit(extra...)
}

func TestFaultAtEveryCallTellsNoLie(t *testing.T) {
	o := tiny
	count := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
	o.disk = count
	s := open(t, filepath.Join(t.TempDir(), "store"), o)
	workload(s, model{})
	s.Close()
	seen := map[string]int{}
	for n, name := range count.calls {
		if seen[name]++; seen[name] > 4 && n%41 != 0 || testing.Short() && n%31 != 0 {
			continue // enough of the same
		}
		for _, sticky := range []bool{false, true} {
			for _, errno := range []error{syscall.ENOSPC, syscall.EIO} {
				faulty := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40, failAt: n + 1, sticky: sticky, err: errno}
				t.Run(fmt.Sprintf("%d %s %v sticky=%v", n+1, name, errno, sticky), func(t *testing.T) { oneFault(t, o, faulty) })
			}
		}
	}
}

func oneFault(t *testing.T, o Options, d *faultDisk) {
	dir, m := filepath.Join(t.TempDir(), "store"), model{}
	o.disk = d
	s, err := Open(dir, o)
	if err != nil {
		if !errors.Is(err, d.err) {
			t.Fatalf("Open: got %v, want %v", err, d.err)
		}
	} else {
		if refused := workload(s, m); !d.sticky && refused > 1 {
			t.Errorf("one fault: got %d batches refused, want at most 1", refused)
		}
		d.heal()
		m.check(t, s)
		if d.sticky {
			if err := s.Apply(Op{Key: "healed"}); err != nil {
				t.Errorf("after the disk healed: %v", err)
			}
			m.apply([]Op{{Key: "healed"}})
		}
		m.check(t, s)
		s.Abandon()
	}
	o.disk = osDisk{}
	s = open(t, dir, o)
	m.check(t, s)
	if st := s.Stats(); st.Damaged != 0 {
		t.Errorf("damage after a fault: got %+v", st)
	}
	s.Close()
}

// gateDisk holds syncs back while its gate is closed.
type gateDisk struct {
	disk
	gate atomic.Bool
	hold chan struct{}
}

type gateLog struct {
	appender
	d *gateDisk
}

func (d *gateDisk) openLog(dir string) (appender, error) {
	l, err := d.disk.openLog(dir)
	return &gateLog{l, d}, err
}

func (l *gateLog) sync() error {
	if l.d.gate.Load() {
		<-l.d.hold
	}
	return l.appender.sync()
}
