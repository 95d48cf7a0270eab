package run

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/suite"
)

// asked are the commands whose answers help to understand a failure, by the file that they go to.
var asked = []struct{ file, command string }{
	{"status.json", "status --json"},
	{"doctor.json", "doctor --json"},
	{"store_check.json", "store check --json"},
}

// nodeLimit is for each of them, so that one that hangs does not take the time of the others.
const nodeLimit = time.Minute

// maxFiles bounds what the report lists of one node.
const maxFiles = 200

// collect brings what the nodes can tell to the report's directory.
func (v *visit) collect(ctx context.Context) error {
	var errs []error
	for _, p := range v.bench.Peers() {
		dir := filepath.Join(v.Out, v.place.Kind, "collected", p.Name())
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			err = gather(ctx, p, dir)
		}
		files, also := v.files(dir)
		v.entry.Nodes = append(v.entry.Nodes, report.Node{Files: files})
		errs = append(errs, err, also)
	}
	return errors.Join(errs...)
}

// gather brings what one node can tell. What is off may tell less.
func gather(ctx context.Context, p *suite.Peer, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, nodeLimit)
	defer cancel()
	err := p.Collect(ctx, dir)
	if p.Dark() {
		return nil
	}
	return errors.Join(err, answers(ctx, p, dir))
}

// answers asks the node itself. That a command fails is an answer too.
func answers(ctx context.Context, p *suite.Peer, dir string) error {
	for _, a := range asked {
		r, err := p.Run(ctx, strings.Fields(a.command)...)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, a.file), []byte(report.Clean(r.Output)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// files lists what lies below a directory, relative to the report.
func (v *visit) files(dir string) (out []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || len(out) >= maxFiles {
			return err
		}
		rel, err := filepath.Rel(v.Out, path)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	return out, err
}
