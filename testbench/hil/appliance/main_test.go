//go:build linux

package appliance

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Environment variables.
const (
	hilVar   = "PACKHORSE_HIL"       // lets these tests run
	imageVar = "PACKHORSE_IMAGE_DIR" // where an image was built already
	keepVar  = "PACKHORSE_HIL_KEEP"  // a directory for cards and logs, which stay there
)

var seed = flag.Uint64("seed", 1, "of the losses on the air, the power cuts and what is sent")

// work is a directory for all tests, images where card.img is.
var work, images string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if os.Getenv(hilVar) == "" {
		fmt.Println("no test was run: set " + hilVar + "=1; they start the image in QEMU")
		return 0
	}
	if err := flag.Set("test.parallel", "8"); err != nil { // most of the time every test waits for its boxes
		fmt.Println(err)
		return 1
	}
	dir, err := os.MkdirTemp("", "packhorse")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	work, images = dir, os.Getenv(imageVar)
	if images == "" {
		images = filepath.Join(dir, "image")
		if err := buildImage(images, "hil-1"); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return m.Run()
}

// buildImage runs the builder of the image.
func buildImage(dir, version string, more ...string) error {
	c := exec.Command("go", append([]string{"-C", "../../../tools/image", "run", ".", "-raw", "-version", version, "-out", dir}, more...)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build the image: %w\n%s", err, out)
	}
	return nil
}
