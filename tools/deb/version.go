package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var (
	// described is what git describe says: a tag, and how many commits and which one after it.
	described = regexp.MustCompile(`^v?([0-9][0-9A-Za-z.]*)(?:-([0-9A-Za-z.]+))??(?:-([0-9]+)-g([0-9a-f]+))?(-dirty)?$`)
	bare      = regexp.MustCompile(`^([0-9a-f]{7,40})(-dirty)?$`)
	word      = regexp.MustCompile(`^[0-9A-Za-z.]+$`)
)

// debianVersion makes a version that dpkg sorts as the source goes on (deb-version(7)): a release candidate before its release, what comes
// after a tag after it, and what has no tag before all, by the time of its commit.
func debianVersion(text string, at time.Time) (string, error) {
	if m := bare.FindStringSubmatch(text); m != nil {
		return "0~" + at.UTC().Format("20060102150405") + "." + m[1] + plus(m[2]), nil
	}
	if m := described.FindStringSubmatch(text); m != nil {
		v := m[1]
		if m[2] != "" {
			v += "~" + m[2]
		}
		if m[3] != "" {
			v += "+" + m[3] + ".g" + m[4]
		}
		return v + plus(m[5]), nil
	}
	if word.MatchString(text) {
		return "0~" + text, nil
	}
	return "", fmt.Errorf("version %q cannot be made one of Debian: use one such as 1.2.0, v1.2.0-rc1 or what git describe says", text)
}

// plus sorts a changed tree after the commit that it was made of.
func plus(dirty string) string { return strings.Replace(dirty, "-dirty", "+dirty", 1) }
