package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
	"packhorse/link/port"
)

var clockWords = [...]string{pki.ClockNone: "none", pki.ClockNeighbour: "neighbour", pki.ClockNTP: "ntp",
	pki.ClockGPS: "gps", pki.ClockRTC: "rtc"}

// ClockQuality is how far this gateway trusts its clock, as a word.
func (a adminAPI) ClockQuality() string {
	return clockWords[min(a.n.clockQuality(), pki.ClockRTC)]
}

// Status is useful in every state of the gateway.
func (a adminAPI) Status(ctx context.Context) (admin.Status, error) {
	n := a.n
	s, err := n.snapshot(ctx)
	if err != nil {
		return admin.Status{}, err
	}
	now := time.Now()
	out := admin.Status{Head: admin.NewHead(admin.SchemaStatus, clockWords[min(s.Clock, pki.ClockRTC)]), Name: s.Name,
		ID: hex.EncodeToString(s.ID[:]), Version: n.cfg.Version, UptimeS: int64(now.Sub(n.start).Seconds()), Domain: s.Domain,
		Problems: []admin.Problem{}, Radios: []admin.RadioInfo{}, Peers: []admin.PeerInfo{},
		Queue: admin.QueueTotals{Parcels: s.Parcels, Bytes: s.Bytes}, PoWeb: n.PoWebAddr(), Dropped: dropped(s.Link)}
	for _, p := range s.Peers {
		out.Peers = append(out.Peers, n.peerInfo(now, p))
	}
	n.addHealth(now, &out)
	if err := n.addInternet(ctx, &out); err != nil {
		return admin.Status{}, err
	}
	out.Problems = append(out.Problems, storeProblems(n.store.Stats())...)
	out.Problems = append(out.Problems, n.planProblems()...)
	out.Problems = append(out.Problems, n.uplinkProblems()...)
	out.Problems = append(out.Problems, problemsOf(s)...)
	if n.cfg.Supply != nil {
		volts, bad := n.cfg.Supply()
		out.BatteryVolts = math.Round(volts*100) / 100
		out.Problems = append(out.Problems, bad...)
	}
	if n.role != nil {
		n.role.Status(ctx, &out)
	}
	return out, nil
}

// dropped names what came to nothing.
func dropped(s link.Stats) map[string]uint64 {
	all := map[string]uint64{}
	for _, d := range link.Drops() {
		if n := s.Dropped[d]; n > 0 {
			all[d.Key()] = n
		}
	}
	return all
}

// addHealth tells of region and transports.
func (n *Node) addHealth(now time.Time, out *admin.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out.Region = n.plan.region
	for _, name := range slices.Sorted(maps.Keys(n.health)) {
		h := n.health[name]
		if !h.OK {
			out.Problems = append(out.Problems, admin.Problem{Level: "fail", What: name + ": " + cmp.Or(h.Problem, "does not work"), Fix: h.Fix})
		} else if h.Note != "" {
			out.Problems = append(out.Problems, admin.Problem{Level: "warn", What: name + ": " + h.Note, Fix: h.NoteFix})
		}
		if h.Band != "" || h.Modulation != "" {
			out.Radios = append(out.Radios, radioInfo(now, h))
		}
	}
}

// planProblems is what keeps the gateway off the air. One that has only Internet links or an
// Internet gateway, or is one, needs no region.
func (n *Node) planProblems() (list []admin.Problem) {
	n.mu.Lock()
	defer n.mu.Unlock()
	runs := n.running != nil && n.running.count > 0 || len(n.cfg.Uplinks.Gateways) > 0 || n.role != nil
	if n.plan.region == "" && (len(n.plan.radios) > 0 || !runs) {
		list = append(list, admin.Problem{Level: "warn", What: "no region is set: no radio transmits", Fix: "packhorse up --region EU868"})
	}
	if len(n.plan.radios) == 0 && !runs {
		list = append(list, admin.Problem{Level: "warn", What: "neither a radio nor an Internet link is configured: no other gateway is reached",
			Fix: "add a [[radio]] or [internet] section (docs/CONFIG.md), then reload or restart packhorse"})
	}
	return list
}

// problemsOf is what a person should do next, worst first.
func problemsOf(s gateway.Snapshot) (list []admin.Problem) {
	add := func(level, what, fix string) { list = append(list, admin.Problem{Level: level, What: what, Fix: fix}) }
	if s.Domain == "" {
		add("warn", "this gateway is in no domain", "packhorse up --domain NAME, or packhorse pair CODE")
	}
	if s.Clock < pki.ClockNTP {
		add("warn", "the clock is not trusted: nothing expires, nobody is registered", clockFix(s))
	}
	return list
}

// clockFix is what makes the clock trusted.
func clockFix(s gateway.Snapshot) string {
	if s.ClockWhy == "" {
		return "synchronise it (NTP, or chrony with a GPS), or set trust_clock = true where a clock chip or the host keeps the time"
	}
	return s.ClockWhy + "; if the time is right: trust_clock = true for one start"
}

func radioInfo(now time.Time, h port.Health) admin.RadioInfo {
	used := h.Budget.PerHour - h.Budget.LeftAt(now)
	v := admin.RadioInfo{Name: h.Transport, OK: h.OK, Band: h.Band, Modulation: h.Modulation, PowerDBm: h.PowerDBm,
		AirtimeUsedS: used.Seconds(), AirtimeAllowedS: h.AirtimeAllowed.Seconds(), AirtimeLeftS: (h.Budget.PerHour - used).Seconds(), AirtimeTotalS: h.AirtimeTotal.Seconds(),
		FreeInS: max(0, h.BlockedUntil.Sub(now).Seconds()), FramesIn: h.FramesIn, FramesOut: h.FramesOut}
	if h.Channel != nil {
		c := h.Channel()
		v.BusyRatio, v.NoiseDBm, v.ForeignFrames = measured(c.Busy), measured(c.NoiseDBm), c.Foreign
	}
	return v
}

// measured is nil for what is not.
func measured(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

func (n *Node) peerInfo(now time.Time, p gateway.Peer) admin.PeerInfo {
	v := admin.PeerInfo{Name: p.Name, ID: hex.EncodeToString(p.ID[:]), Path: "none", Ports: []string{}, Paths: []admin.PathInfo{}, Uplinks: p.Uplinks, Parcels: p.Parcels, Bytes: p.Bytes,
		ShunnedS: max(0, p.ShunnedUntil.Sub(now).Seconds())}
	switch {
	case len(p.Ports) > 0 || p.Silent:
		v.Path, v.Silent = "direct", p.Silent
	case p.Via != "":
		v.Path = "via " + p.Via
	}
	for _, id := range p.Ports {
		v.Ports = append(v.Ports, n.portName(id))
	}
	if p.HasSignal {
		v.SNRdB = &p.SNRdB
	}
	v.LastS = ago(now, p.Heard)
	if p.ClockKnown {
		v.Clock = clockWords[min(pki.Quality(p.Clock), pki.ClockRTC)]
	}
	for _, path := range p.Paths {
		v.Paths = append(v.Paths, n.pathInfo(now, path))
	}
	return v
}

func (n *Node) pathInfo(now time.Time, p link.PathInfo) admin.PathInfo {
	v := admin.PathInfo{Port: n.portName(p.Port), Up: p.Up, Silent: p.Silent, Loss: p.Loss, ETX: p.ETX, CostS: p.Cost.Seconds(),
		Rate: p.Rate, LastS: ago(now, p.LastHeard)}
	if p.Signal.HasSignal {
		v.SNRdB, v.RSSIdBm = &p.Signal.SNRdB, &p.Signal.RSSIdBm
	}
	return v
}

// ago is how long something is past, in seconds; nil: it never was.
func ago(now, t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	s := max(0, now.Sub(t).Seconds())
	return &s
}

// portName is the transport behind a port.
func (n *Node) portName(id link.Port) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return cmp.Or(n.portNames[id], fmt.Sprintf("port%d", id))
}

// kindWords are what people are told of what is no parcel.
var kindWords = map[ramf.Type]string{ramf.Cargo: "cargo", ramf.CCA: "request"}

func (n *Node) parcelInfo(p gateway.Parcel) admin.Parcel {
	v := admin.Parcel{ID: p.ID, Kind: kindWords[p.Type], To: p.To, From: p.From, Priority: priorityWords[min(p.Priority, link.Bulk)], SizeBytes: p.Size,
		State: admin.State(p.State.String()), By: p.By, Since: p.Since.UTC(), Next: p.Next, Why: p.Why, Done: p.Done, Total: p.Total,
		Expires: p.Expires.UTC(), AirtimeS: p.Airtime.Seconds(), ETAS: p.ETA.Seconds(), LawS: p.PerHour.Seconds()}
	if p.Total > 0 {
		v.Path = n.portName(p.Port)
	}
	return v
}

func letterInfo(l gateway.Letter) admin.Letter {
	return admin.Letter{ID: l.ID, From: l.From, Type: l.Type, Filename: l.Filename, SizeBytes: l.Size, Written: l.Written.UTC(),
		Arrived: l.Arrived.UTC(), New: l.New, Content: l.Content}
}
