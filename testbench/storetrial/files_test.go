package storetrial

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestMissingFileCostsOnlyItsOwnValues says no more: a bucket that is gone may have been removed.
func TestMissingFileCostsOnlyItsOwnValues(t *testing.T) {
	both(t, 0, func(p *specimen) {
		for _, file := range p.names() {
			p.remove(file)
			s := p.open()
			if _, wrong := p.compare(s, []stretch{{file, 0, len(p.files[file])}}); len(wrong) > 0 {
				p.t.Errorf("without %s: %s", file, wrong[0])
			}
			p.goesOn(s)
			p.restore()
		}
	})
}

// named is the name of a bucket's file.
func named(number, salt uint32) string { return say("%020d", uint64(number)<<32|uint64(salt)) }

func parts(file string) (number, salt uint32) {
	n, _ := strconv.ParseUint(file, 10, 64)
	return uint32(n >> 32), uint32(n)
}

func TestFileUnderAnotherNameIsNoticedAndNeverRead(t *testing.T) {
	both(t, 0, func(p *specimen) {
		for _, file := range p.names() {
			number, salt := parts(file)
			for _, other := range []string{named(number, salt+1), named(number+1, salt), named(1, salt+7)} {
				if _, there := p.files[other]; there {
					continue
				}
				p.remove(file)
				p.put(other, p.files[file])
				if _, wrong := p.judge(stretch{file, 0, len(p.files[file])}); len(wrong) > 0 {
					p.t.Errorf("%s as %s: %s", file, other, wrong[0])
				}
				p.restore()
			}
		}
	})
}

func TestCopyOfAFileUnderAnotherNameCostsNothing(t *testing.T) {
	both(t, 0, func(p *specimen) {
		for _, file := range p.names() {
			number, salt := parts(file)
			for _, other := range []string{named(number+40, salt), named(0, salt), file + ".bak", "0" + file, file[1:]} {
				p.put(other, p.files[file])
				differ, wrong := p.judge()
				if len(differ)+len(wrong) > 0 {
					p.t.Errorf("%s beside %s: %v lost, %v", other, file, differ, wrong)
				}
				p.restore()
			}
		}
	})
}

func TestTwoFilesOfOneNumberAreNoticed(t *testing.T) {
	both(t, 0, func(p *specimen) {
		for _, file := range p.names() {
			number, salt := parts(file)
			for _, other := range []string{named(number, salt+1), named(number, salt-1)} {
				p.put(other, p.files[file])
				if _, wrong := p.judge(stretch{file, 0, len(p.files[file])}); len(wrong) > 0 {
					p.t.Errorf("%s beside %s: %v", other, file, wrong)
				}
				p.restore()
			}
		}
	})
}

func TestWhatIsNoFileOfTheStoreIsLeftAlone(t *testing.T) {
	p := newSpecimen(t, 0, false, 0)
	number, salt := parts(p.newest())
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, p.files[p.newest()], 0o600); err != nil {
		t.Fatal(err)
	}
	link, dir := filepath.Join(p.dir, named(number+1, salt)), filepath.Join(p.dir, named(number+2, salt))
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.put("notes.txt", []byte("not ours"))
	differ, wrong := p.judge()
	if len(differ)+len(wrong) > 0 {
		t.Errorf("got %v lost, %v", differ, wrong)
	}
	for _, path := range []string{outside, link, dir, filepath.Join(p.dir, "notes.txt")} {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

// TestOldFilePutBackNeverOutweighsANewerValue restores files that a store had removed. What was replaced stays
// replaced, and what comes back is at most a value of its own name that had been deleted.
func TestOldFilePutBackNeverOutweighsANewerValue(t *testing.T) {
	both(t, 0, func(p *specimen) {
		s := p.open()
		for i := range 16 {
			var changes []change
			for n := range p.past {
				if _, there := p.m[n]; there && (int(n.kind)+len(n.key)+i)%4 == 0 {
					changes = append(changes, change{name: n, delete: i%2 == 0, held: held{uint64(1000 + i), 50}})
				}
			}
			p.write(s, changes)
		}
		old := p.files
		s.Close()
		p.files = p.read()
		for file, b := range old {
			if _, there := p.files[file]; there {
				continue
			}
			p.put(file, b)
			s := p.open()
			for n := range p.past {
				_, there := p.m[n]
				wrong := p.m.compareOne(s, n)
				if len(wrong) > 0 && (there || p.excuse(s, n) != "") {
					p.t.Errorf("%s put back: %s", file, wrong[0])
				}
			}
			s.Abandon()
			p.restore()
		}
	})
}
