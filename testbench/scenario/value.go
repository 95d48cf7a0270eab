package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"packhorse/link"
)

// Bounds of values.
const (
	maxDuration = 400 * 24 * time.Hour
	maxSize     = 8_000_000
)

// readPercent reads 30%, or 0.3.
func readPercent(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, fmt.Errorf("%q is no share: write 30%%", s)
	}
	return v, nil
}

// readDuration reads 30s, 10m, 36h or 14d.
func readDuration(s string) (time.Duration, error) {
	v := s
	days := time.Duration(1)
	if number, ok := strings.CutSuffix(s, "d"); ok {
		v, days = number+"h", 24
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 || d > maxDuration/days {
		return 0, fmt.Errorf("%q is no length of time up to 400d: write 30s, 10m, 36h, 14d", s)
	}
	return d * days, nil
}

// readSize reads 500B, 20kB or 1.5MB.
func readSize(s string) (int, error) {
	bad := fmt.Errorf("%q is no size up to 8MB: write 500B, 20kB, 1MB", s)
	number, ok := strings.CutSuffix(s, "B")
	if !ok || number == "" {
		return 0, bad
	}
	unit := 1.0
	switch number[len(number)-1] {
	case 'k':
		unit, number = 1e3, number[:len(number)-1]
	case 'M':
		unit, number = 1e6, number[:len(number)-1]
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !(v*unit >= 1 && v*unit <= maxSize) {
		return 0, bad
	}
	return int(v * unit), nil
}

func readPriority(s string) (link.Priority, error) {
	switch s {
	case "emergency":
		return link.Emergency, nil
	case "", "message":
		return link.Message, nil
	case "bulk":
		return link.Bulk, nil
	}
	return 0, fmt.Errorf("%q is no priority: emergency, message, bulk", s)
}

// option reads an option where it is given.
func option[T any](c Command, key string, read func(string) (T, error), otherwise T) (T, error) {
	s, given := c.Options[key]
	if !given {
		return otherwise, nil
	}
	return read(s)
}
