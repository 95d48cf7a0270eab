// An emulator such as qemu-user, which the ARM suite runs under, cannot start a child.

//go:build !arm

package store

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const childDir = "PACKHORSE_STORE_CHILD" // tells the child where to write

// TestKilledProcessKeepsWhatItAcknowledged kills a writing process at several moments: the
// child says after each batch that it is on disk.
func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		writeUntilKilled(t, dir)
		return
	}
	for _, lines := range []int{0, 1, 7, 40, 99} {
		dir := t.TempDir()
		acked := killAfter(t, dir, lines)
		s := open(t, dir, small)
		for i := range acked {
			got, err := s.Get(1, strconv.Itoa(i))
			if err != nil || !bytes.Equal(got, childValue(i)) {
				t.Errorf("after %d batches, value %d: got %d octets, %v", acked, i, len(got), err)
			}
		}
		if st := s.Stats(); st.Damaged != 0 || acked < lines {
			t.Errorf("after %d batches: got %+v", acked, st)
		}
	}
}

// killAfter starts a child, kills it behind some lines and counts all that it said.
func killAfter(t *testing.T, dir string, lines int) (said int) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), childDir+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for in := bufio.NewScanner(out); in.Scan(); {
		if strings.HasPrefix(in.Text(), "acknowledged") {
			said++
		}
		if said >= lines {
			c.Process.Kill()
		}
	}
	c.Wait()
	return said
}

func writeUntilKilled(t *testing.T, dir string) {
	s, err := Open(dir, small)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	for i := 0; ; i++ {
		if err := s.Apply(Op{Kind: 1, Key: strconv.Itoa(i), Value: childValue(i)}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", i)
	}
}

func childValue(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 500+i*311%9000) }
