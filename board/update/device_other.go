//go:build !linux

package update

import "os"

type slotFile struct{ *os.File }

// OpenSlot opens a file in the place of a slot; only Linux has slots.
func OpenSlot(path string) (Device, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return slotFile{f}, nil
}

func (s slotFile) Size() (int64, error) { return s.Seek(0, 2) }

func (s slotFile) Fresh() (FreshReader, error) { return os.Open(s.Name()) }
