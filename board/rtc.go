package board

import (
	"strconv"
	"time"
)

// RTC reads the battery-backed clock that the kernel has set the system's clock by at start
// (Documentation/ABI/testing/sysfs-class-rtc). Without such a clock, or with one that has lost its time, ok is false.
// A Raspberry Pi 5 without a battery has one that starts in 1970.
func (h Host) RTC() (t time.Time, ok bool) {
	for _, dir := range h.glob("/sys/class/rtc/rtc*") {
		if h.text(dir+"/hctosys") != "1" {
			continue
		}
		seconds, err := strconv.ParseInt(h.text(dir+"/since_epoch"), 10, 40)
		if t := time.Unix(seconds, 0); err == nil && t.Year() >= firstPlausible {
			return t, true
		}
	}
	return time.Time{}, false
}
