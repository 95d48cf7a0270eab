package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryExampleInTheDocsIsAConfiguration takes each example with a radio in it, wherever it is.
func TestEveryExampleInTheDocsIsAConfiguration(t *testing.T) {
	b, n := newBench(t, nil), 0
	kinds := map[string]bool{}
	for _, root := range []string{filepath.Join("..", "..", "docs"), filepath.Join("..", "..", "README.md")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, example := range strings.Split(string(text), "```toml\n")[1:] {
				example, _, _ = strings.Cut(example, "```")
				if !strings.Contains(example, "[[radio]]") {
					continue
				}
				n++
				file := filepath.Join(b.dir, fmt.Sprint(n), "packhorse.toml")
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					return err
				}
				if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
					return err
				}
				if code := b.run("config", "check", "--config", file); code != 0 {
					t.Errorf("%s: exit %d, %s%s of\n%s", path, code, b.out, b.err, example)
				}
				b.run("config", "show", "--config", file)
				for _, kind := range []string{"rnode", "sx127x", "sx126x", "kiss", "sik", "ebyte", "meshtastic"} {
					kinds[kind] = kinds[kind] || strings.Contains(b.out, fmt.Sprintf("= %q", kind))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(kinds) != 7 {
		t.Errorf("got %d examples", n)
	}
	for kind, shown := range kinds {
		if !shown {
			t.Errorf("no example of a radio of kind %s", kind)
		}
	}
}
