package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// imageVar tells tests where the card was built, so that they do not build it again.
const imageVar = "PACKHORSE_IMAGE_DIR"

// ciImage is where the suites build the card.
var ciImage = filepath.Join("dist", "ci-image")

// image is the card, built once for all suites that ask for it, from either lane.
var image struct {
	sync.Mutex
	dir string
}

// buildImage gives the directory with the card of this tree.
func (r *runner) buildImage(ctx context.Context) (string, error) {
	image.Lock()
	defer image.Unlock()
	if image.dir != "" {
		return image.dir, nil
	}
	dir, err := filepath.Abs(ciImage)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, "go", "-C", "tools/image", "run", ".", "-version", "v0.0.0-test", "-out", dir, "-url", "https://example.org/packhorse/")
	c.Stdout, c.Stderr = r.out, r.out
	if err := c.Run(); err != nil {
		return "", err
	}
	image.dir = dir
	return dir, nil
}

// runImage leaves the card for the suites after it.
func runImage(ctx context.Context, r *runner) (count, error) {
	dir, err := r.buildImage(ctx)
	if err != nil {
		return count{}, err
	}
	return r.testIn(ctx, filepath.Join("tools", "image"), []string{imageVar + "=" + dir}, []string{"-count=1", "-timeout=10m"}, []string{"./..."})
}
