package store

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func TestRecordsAreBounded(t *testing.T) {
	o := small
	o.MaxRecords = 10
	s := open(t, t.TempDir(), o)
	for i := range 9 {
		apply(t, s, Op{Key: strconv.Itoa(i)})
	}
	err := s.Apply(Op{Key: "a"}, Op{Key: "b"})
	var full *FullError
	if !errors.As(err, &full) || !errors.Is(err, ErrFull) || *full != (FullError{LimitRecords, 10, 9, 2}) {
		t.Errorf("two more than nine: got %v", err)
	}
	apply(t, s, Op{Key: "a"}, Op{Key: "3", Delete: true})
	apply(t, s, Op{Key: "b"}, Op{Key: "4", Value: []byte("in place")})
	if err := s.Apply(Op{Key: "c"}); !errors.As(err, &full) || full.Used != 10 {
		t.Errorf("when full: got %v", err)
	}
	w, _ := s.Create(0, "c")
	if err := writeAll(w, make([]byte, streamBuffer+1)); !errors.As(err, &full) || full.Limit != LimitRecords {
		t.Errorf("a stream when full: got %v", err)
	}
	w, _ = s.Create(0, "a")
	if err := errors.Join(writeAll(w, make([]byte, 2*streamBuffer)), w.Commit()); err != nil {
		t.Errorf("a stream that replaces: got %v", err)
	}
	atRest(t, s)
}

func TestEachLimitSaysHowFarItIsUsed(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want FullError
		text string
	}{
		{Options{MaxBytes: 1000, Reserve: -1}, FullError{LimitBytes, 1000, 117, 2017}, "117 of 1000 octets are used and 2017 more are asked for"},
		{Options{MaxRecords: 1, Reserve: -1}, FullError{LimitRecords, 1, 1, 1}, "1 of 1 records are used"},
		{Options{Reserve: 69_999_000}, FullError{LimitReserve, 69_999_000, 70_000_000, 2017}, "the file system has 70000000 octets left"},
	} {
		c.o.disk = &faultDisk{disk: osDisk{}, freeBytes: 70_000_000}
		s := open(t, t.TempDir(), c.o)
		apply(t, s, Op{Key: "k", Value: make([]byte, 100)})
		err := s.Apply(Op{Key: "l", Value: make([]byte, 2000)})
		var full *FullError
		if !errors.As(err, &full) || *full != c.want || !strings.Contains(err.Error(), c.text) {
			t.Errorf("got %+v, %v, want %+v", full, err, c.want)
		}
	}
}
