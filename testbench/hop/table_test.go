package hop

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// row is one line of the table.
type row struct {
	kind
	got shares
}

// table puts what was reached beside the aims and beside Reticulum. A star marks what misses its aim.
func table(rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SF7/BW125, medians of %d seeds, shares of the PHY limit\n", seeds())
	fmt.Fprintf(&b, "%4s %7s %5s   %-7s %-7s  %-13s  %s\n", "hops", "octets", "loss", "air", "time", "aims", "Reticulum 1.4.2")
	for _, r := range rows {
		aim, peer := aims[r.kind], reticulum[r.kind]
		fmt.Fprintf(&b, "%4d %7d %4.0f%%   %-7s %-7s  %-13s  %s\n", r.hops, r.octets, 100*r.loss,
			against(r.got.air, aim.air), against(r.got.time, aim.time), pair(aim), pair(peer))
	}
	return b.String()
}

// against marks a share that misses its aim.
func against(got, aim float64) string {
	if got < aim {
		return share(got) + "*"
	}
	return share(got)
}

func pair(s shares) string { return share(s.air) + " / " + share(s.time) }

func share(v float64) string {
	if v == 0 {
		return "-"
	}
	return strings.TrimPrefix(fmt.Sprintf("%.3f", v), "0")
}

// save writes the rows to the file that PACKHORSE_BENCH_JSON names, if it does.
func save(rows []row) error {
	path := os.Getenv("PACKHORSE_BENCH_JSON")
	if path == "" {
		return nil
	}
	type line struct {
		Hops      int     `json:"hops"`
		Octets    int     `json:"octets"`
		Loss      float64 `json:"loss"`
		Air       float64 `json:"air"`
		Time      float64 `json:"time"`
		AimAir    float64 `json:"aim_air,omitempty"`
		AimTime   float64 `json:"aim_time,omitempty"`
		PeerAir   float64 `json:"reticulum_air,omitempty"`
		PeerTime  float64 `json:"reticulum_time,omitempty"`
		MissesAim bool    `json:"misses_aim"`
	}
	var out []line
	for _, r := range rows {
		a, p := aims[r.kind], reticulum[r.kind]
		out = append(out, line{r.hops, r.octets, r.loss, r.got.air, r.got.time, a.air, a.time, p.air, p.time,
			r.got.air < a.air || r.got.time < a.time})
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
