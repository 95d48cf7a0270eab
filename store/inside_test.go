package store

import "testing"

// plainDisk leaves all to tidwall/wal, as if its fields had other names.
type plainDisk struct{ disk }

func (d plainDisk) openLog(dir string) (appender, error) {
	a, err := d.disk.openLog(dir)
	if err == nil {
		a.(*walLog).in = walInside{}
	}
	return a, err
}

func TestStoreWorksWithoutTheInsideOfItsLog(t *testing.T) {
	dir, m := t.TempDir(), model{}
	o := tiny
	o.disk = plainDisk{osDisk{}}
	s := open(t, dir, o)
	if refused := workload(s, m); refused > 0 {
		t.Errorf("got %d batches refused, want none", refused)
	}
	m.check(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	m.check(t, open(t, dir, o))
}
