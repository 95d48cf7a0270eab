package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// job is one package to be made.
type job struct {
	top, work string // the source; a directory for what is made on the way
	files     string // what the package has of its own
	squeeze   string // how the package is compressed
	commit    commit
	upstream  string // what the binary calls itself
	version   string // Debian's
}

// build makes the packages in out, which is made, and answers their paths.
func build(top, upstream, out string, chosen []port) ([]string, error) {
	work, err := os.MkdirTemp("", "packhorse-deb-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	c, err := readCommit(top)
	if err != nil {
		return nil, err
	}
	j := job{top: top, work: work, files: filepath.Join(top, "tools", "deb", "files"), squeeze: "xz", commit: c, upstream: upstream}
	if j.version, err = debianVersion(upstream, c.at); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if err := j.generate(); err != nil {
		return nil, err
	}
	var paths []string
	for _, p := range chosen {
		path, err := j.one(p, out)
		if err != nil {
			return paths, fmt.Errorf("%s: %w", p.debian, err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// one builds the binary for p and packs it.
func (j job) one(p port, out string) (string, error) {
	if err := j.release(p.target); err != nil {
		return "", err
	}
	if err := j.copyright(p); err != nil {
		return "", err
	}
	path := filepath.Join(out, fmt.Sprintf("packhorse_%s_%s.deb", j.version, p.debian))
	return path, j.pack(p, path)
}

// binary is where the binary of a target is.
func (j job) binary(target string) string {
	return filepath.Join(j.work, "packhorse-"+j.upstream+"-"+target)
}

// release has tools/release build a target, so that packages hold the very octets of a release.
func (j job) release(target string) error {
	return j.command(j.top, nil, "go", "run", "./tools/release", "-version", j.upstream, "-out", j.work, "-only", target)
}

// copyright writes the file that every package has (Debian Policy 12.5): whose code is in the binary of p, and under which terms.
func (j job) copyright(p port) error {
	text, err := output(j.top, nil, "go", "run", "./tools/licences", "-debian", j.binary(p.target))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(j.work, "copyright."+p.debian), []byte(text), 0o644)
}

// command runs one in dir; its error holds what it printed.
func (j job) command(dir string, env []string, name string, args ...string) error {
	_, err := output(dir, append([]string{fmt.Sprint("SOURCE_DATE_EPOCH=", j.commit.at.Unix())}, env...), name, args...)
	return err
}

func output(dir string, env []string, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var errs strings.Builder
	c.Stderr = &errs
	b, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", c, err, errs.String(), b)
	}
	return string(b), nil
}

// commit is what the source says of itself.
type commit struct {
	at       time.Time
	subjects []string // of the newest commits, the newest first
}

// maxSubjects bounds the list of changes: the whole history is in git.
const maxSubjects = 30

// readCommit asks git. SOURCE_DATE_EPOCH (reproducible-builds.org/specs/source-date-epoch) wins over the commit's time.
func readCommit(top string) (c commit, err error) {
	text, err := output(top, nil, "git", "log", fmt.Sprint("-", maxSubjects), "--format=%ct %s")
	if err != nil {
		return c, err
	}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		at, subject, _ := strings.Cut(line, " ")
		if c.at.IsZero() {
			if c.at, err = seconds(at); err != nil {
				return c, err
			}
		}
		c.subjects = append(c.subjects, subject)
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		c.at, err = seconds(epoch)
	}
	return c, err
}

func seconds(text string) (time.Time, error) {
	var s int64
	if _, err := fmt.Sscan(text, &s); err != nil {
		return time.Time{}, fmt.Errorf("%q is no time in seconds since 1970", text)
	}
	return time.Unix(s, 0).UTC(), nil
}
