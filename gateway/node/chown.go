package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// chownAll gives a tree the owner of a file. Only root can, and only root needs to.
func chownAll(dir string, like os.FileInfo) error {
	owner, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
