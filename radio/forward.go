package radio

import "time"

// Timed is implemented by radios that measure how long their carrier was up. Call it from the goroutine of Transmit.
type Timed interface {
	// OnAir is the time from the command to send until the modem said that the last frame had left; 0 when that
	// is not known. It is never less than the carrier was up, and a little more: by as much as the news took.
	OnAir() (sent time.Duration)
}

// Forward gives a radio that wraps another one the optional interfaces of that one, and only those: what it implements
// of them itself stays its own. A Meter it always is; without one below nothing is measured.
func Forward(outer, inner Radio) Radio {
	sensor, senses := pick[Sensor](outer, inner)
	clearer, clears := pick[Clearer](outer, inner)
	timed, times := pick[Timed](outer, inner)
	meter, measures := pick[Meter](outer, inner)
	if !measures {
		meter = noMeter{}
	}
	switch {
	case senses && clears && times:
		return struct {
			Radio
			Sensor
			Clearer
			Timed
			Meter
		}{outer, sensor, clearer, timed, meter}
	case senses && clears:
		return struct {
			Radio
			Sensor
			Clearer
			Meter
		}{outer, sensor, clearer, meter}
	case senses && times:
		return struct {
			Radio
			Sensor
			Timed
			Meter
		}{outer, sensor, timed, meter}
	case clears && times:
		return struct {
			Radio
			Clearer
			Timed
			Meter
		}{outer, clearer, timed, meter}
	case senses:
		return struct {
			Radio
			Sensor
			Meter
		}{outer, sensor, meter}
	case clears:
		return struct {
			Radio
			Clearer
			Meter
		}{outer, clearer, meter}
	case times:
		return struct {
			Radio
			Timed
			Meter
		}{outer, timed, meter}
	}
	return struct {
		Radio
		Meter
	}{outer, meter}
}

type noMeter struct{}

// Channel is nothing measured.
func (noMeter) Channel() ChannelStats { return NoChannelStats() }

// pick prefers the outer radio's own.
func pick[T any](outer, inner Radio) (T, bool) {
	if t, ok := outer.(T); ok {
		return t, true
	}
	t, ok := inner.(T)
	return t, ok
}
