package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil/suite"
)

// suitesReply is packhorse.bench_suites/1.
type suitesReply struct {
	admin.Head
	Suites []suiteReply `json:"suites"`
}

type suiteReply struct {
	Name  string      `json:"name"`
	About string      `json:"about"`
	Cases []caseReply `json:"cases"`
}

type caseReply struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func (a *app) suitesCommand() *cobra.Command {
	return &cobra.Command{Use: "suites", Short: "list suites and their cases", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		r := suitesReply{Head: head("packhorse.bench_suites/1")}
		for _, s := range suite.All {
			v := suiteReply{Name: s.Name, About: s.About}
			for _, c := range s.Cases {
				v.Cases = append(v.Cases, caseReply{c.Name, c.About})
			}
			r.Suites = append(r.Suites, v)
		}
		if a.json {
			a.say(r)
			return nil
		}
		for _, s := range r.Suites {
			fmt.Fprintf(a.out, "%s: %s\n", s.Name, s.About)
			for _, c := range s.Cases {
				fmt.Fprintf(a.out, "  %-22s %s\n", c.Name, c.About)
			}
		}
		return nil
	}}
}
