package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"packhorse/cmd/internal/stamp"
	"packhorse/gateway/admin"
)

// version is stamped by the Makefile.
var version = ""

// versionText is the stamped version, or what the build knows of its commit.
func versionText() string { return stamp.Version(version) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the version",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				admin.Head
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{a.head("packhorse.version/1"), versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return a.answer(v, func() { a.say("packhorse %s %s/%s %s", v.Version, v.OS, v.Arch, v.Go) })
		},
	}
}
