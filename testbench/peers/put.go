package main

import "fmt"

// reportPut compares with what the store stands on.
func reportPut(h *harness) error {
	for _, shape := range []job{{Group: 1, Commits: 3000}, {Group: 64, Commits: 240}} {
		var jobs []job
		for _, name := range []string{"packhorse", "wal", "raw"} {
			shape.Engine, shape.Work = name, "put"
			jobs = append(jobs, shape)
		}
		all, err := h.rounds(jobs)
		if err != nil {
			return err
		}
		t := table{title: "Durable put of 4 KiB, " + groups(shape.Group),
			head: []string{"engine", "puts/s", "packhorse against it", "peak RSS"}}
		for i, rs := range all {
			t.add(jobs[i].Engine, perSecond(rs), ratio(all[0], rs).String(), mib(rs, func(r result) int64 { return r.PeakKiB }))
		}
		t.notes = []string{"Aim: 0.90 of wal."}
		t.print(h.out)
	}
	return nil
}

func groups(n int) string {
	if n == 1 {
		return "one by one"
	}
	return fmt.Sprintf("%d in a commit", n)
}
