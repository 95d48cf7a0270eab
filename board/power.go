package board

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	hot    = 80.0 // °C: a Raspberry Pi slows down from here
	melted = 85.0
)

// Temperature is that of the processor in °C; false where the kernel does not tell.
func (h Host) Temperature() (celsius float64, ok bool) {
	for _, zone := range h.glob("/sys/class/thermal/thermal_zone*") {
		if t := h.text(zone + "/type"); !strings.Contains(t, "cpu") && !strings.Contains(t, "soc") && !strings.Contains(t, "pkg") {
			continue
		}
		if n, err := strconv.Atoi(h.text(zone + "/temp")); err == nil {
			return float64(n) / 1000, true
		}
	}
	return 0, false
}

// Undervoltage tells whether a Raspberry Pi's supply is too weak, by the driver raspberrypi-hwmon; ok is false where
// there is none. No helper program is needed.
func (h Host) Undervoltage() (low, ok bool) {
	for _, dir := range h.glob("/sys/class/hwmon/hwmon*") {
		if h.text(dir+"/name") != "rpi_volt" {
			continue
		}
		for _, alarm := range h.glob(dir + "/in*_lcrit_alarm") {
			return h.text(alarm) == "1", true
		}
	}
	return false, false
}

func (h Host) checkPower() []Finding {
	var found []Finding
	if low, known := h.Undervoltage(); low {
		found = append(found, warn("power", "the supply sagged below 4.63 V: radios fail and cards get damaged", "use the maker's power supply and a short, thick cable"))
	} else if known {
		found = append(found, ok("power", "the supply holds its voltage"))
	}
	t, known := h.Temperature()
	switch {
	case !known:
	case t >= melted:
		found = append(found, fail("temperature", fmt.Sprintf("%.0f °C: the board slows down to save itself", t), "give it a heat sink, air or shade"))
	case t >= hot:
		found = append(found, warn("temperature", fmt.Sprintf("%.0f °C", t), "give it a heat sink, air or shade"))
	default:
		found = append(found, ok("temperature", fmt.Sprintf("%.0f °C", t)))
	}
	return found
}
