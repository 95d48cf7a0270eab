package store

import (
	"os"
	"reflect"

	"github.com/tidwall/wal"
)

// walInside is what we reach of a log that tidwall/wal keeps to itself. It copies the whole tail segment to memory for
// reads that we never make, in a buffer that grows by a quarter at a time; its Sync flushes times and not only data, and
// its Close syncs what is synced. Where the fields are not what v1.2.1 has, all of it is left to the log:
// that is slower, and as safe.
type walInside struct {
	file      *os.File      // the log writes to it
	ebuf      reflect.Value // the copy of the segment
	positions reflect.Value // of its entries
}

func insideOf(l *wal.Log) walInside {
	v := reflect.ValueOf(l).Elem()
	file, segments := v.FieldByName("sfile"), v.FieldByName("segments")
	if !file.IsValid() || file.Type() != reflect.TypeFor[*os.File]() || !segments.IsValid() ||
		segments.Kind() != reflect.Slice || segments.Len() == 0 {
		return walInside{}
	}
	last := segments.Index(segments.Len() - 1)
	if last.Kind() != reflect.Pointer || last.Elem().Kind() != reflect.Struct {
		return walInside{}
	}
	ebuf, positions := last.Elem().FieldByName("ebuf"), last.Elem().FieldByName("epos")
	if !ebuf.IsValid() || ebuf.Type() != reflect.TypeFor[[]byte]() || !positions.IsValid() || positions.Kind() != reflect.Slice {
		return walInside{}
	}
	return walInside{(*os.File)(file.UnsafePointer()), settable(ebuf), settable(positions)}
}

func settable(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// lend gives the log memory to copy to.
func (in *walInside) lend(b []byte) {
	if in.file != nil {
		in.ebuf.SetBytes(b[:0])
		in.positions.SetLen(0)
	}
}

// forget empties the log's copy and returns its memory.
func (in *walInside) forget() []byte {
	if in.file == nil {
		return nil
	}
	in.ebuf.SetLen(0)
	in.positions.SetLen(0)
	return in.ebuf.Bytes()
}
