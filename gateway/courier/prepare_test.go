package courier

import (
	"os"
	"path/filepath"
	"testing"
)

// A directory with the name of what was cut off is nobody's cargo, and no reason to write none.
func TestDirectoryInThePlaceOfAFileDoesNotEndAnExport(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, Dir, "3", "3000000000000000.tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Prepare(); err != nil {
		t.Error(err)
	}
}
