package scenario

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed testdata/*.txt
var testdata embed.FS

// Examples names the scenarios that come with the program: this package's own tests.
func Examples() []string {
	files, _ := fs.Glob(testdata, "testdata/*.txt")
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimPrefix(f, "testdata/"))
	}
	return names
}

// Example is the text of one of them, with or without .txt in its name.
func Example(name string) ([]byte, error) {
	return testdata.ReadFile("testdata/" + strings.TrimSuffix(name, ".txt") + ".txt")
}
