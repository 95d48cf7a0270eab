package sik

import (
	"strconv"
	"strings"
)

// power is set to the most that the radio can do without exceeding it.
const power = "TXPOWER"

// mostParameters bounds what one radio may list.
const mostParameters = 64

// parameter is one line of ATI5, such as "S3:NETID=25". The numbers differ between firmwares, the names do not.
type parameter struct {
	number int
	name   string
	value  uint32
}

// parseParameter also takes "S3: NETID=25" and "[1] S3:NETID=25" of other makers.
func parseParameter(line string) (parameter, bool) {
	head, name, ok := strings.Cut(line, ":")
	if !ok {
		return parameter{}, false
	}
	if i := strings.LastIndexByte(head, ' '); i >= 0 {
		head = head[i+1:]
	}
	digits, isS := strings.CutPrefix(head, "S")
	number, err := strconv.ParseUint(digits, 10, 8)
	if err != nil || !isS {
		return parameter{}, false
	}
	name, text, ok := strings.Cut(name, "=")
	name = strings.TrimSpace(name)
	value, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if !ok || err != nil || name == "" {
		return parameter{}, false
	}
	return parameter{int(number), name, uint32(value)}, true
}

// find looks a parameter up by its name.
func find(all []parameter, name string) (parameter, bool) {
	for _, p := range all {
		if p.name == name {
			return p, true
		}
	}
	return parameter{}, false
}

// absent is what a firmware without this parameter does.
func absent(name string) uint32 {
	if name == "DUTY_CYCLE" {
		return 100
	}
	return 0
}

// changes are the parameters that differ, with their numbers. Power is left out.
func changes(has, want []parameter) ([]parameter, error) {
	var diff []parameter
	for _, w := range want {
		h, ok := find(has, w.name)
		switch {
		case !ok && w.value != absent(w.name):
			return nil, &MissingError{Name: w.name}
		case ok && w.name != power && h.value != w.value:
			w.number = h.number
			diff = append(diff, w)
		}
	}
	return diff, nil
}

// Signal is what the radios knew of their link when the port was opened; of a radio that hears nobody all are 0.
type Signal struct {
	LocalRSSIdBm, RemoteRSSIdBm   float64
	LocalNoiseDBm, RemoteNoiseDBm float64
	Packets                       int
}

// parseSignal takes "L/R RSSI: 182/180  L/R noise: 40/42 pkts: 7 …" of ATI7. dBm are the value / 1.9 less 127.
func parseSignal(line string) (s Signal, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "L/R" || fields[1] != "RSSI:" || fields[4] != "noise:" || fields[6] != "pkts:" {
		return s, false
	}
	ok = pair(fields[2], &s.LocalRSSIdBm, &s.RemoteRSSIdBm) && pair(fields[5], &s.LocalNoiseDBm, &s.RemoteNoiseDBm)
	n, err := strconv.ParseUint(fields[7], 10, 16)
	s.Packets = int(n)
	return s, ok && err == nil
}

func pair(text string, left, right *float64) bool {
	l, r, _ := strings.Cut(text, "/")
	a, errA := strconv.ParseUint(l, 10, 8)
	b, errB := strconv.ParseUint(r, 10, 8)
	*left, *right = float64(a)/1.9-127, float64(b)/1.9-127
	return errA == nil && errB == nil
}
