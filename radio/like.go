package radio

// Like is outer with the optional interfaces that inner has and outer lacks, Sensor and Clearer: for wrappers, which else
// would hide what the radio within can do. Capabilities stay the wrapper's matter.
func Like(outer, inner Radio) Radio {
	sensor, senses := inner.(Sensor)
	clearer, clears := inner.(Clearer)
	if own, ok := outer.(Sensor); ok {
		sensor, senses = own, true
	}
	if own, ok := outer.(Clearer); ok {
		clearer, clears = own, true
	}
	switch {
	case senses && clears:
		return struct {
			Radio
			Sensor
			Clearer
		}{outer, sensor, clearer}
	case senses:
		return struct {
			Radio
			Sensor
		}{outer, sensor}
	case clears:
		return struct {
			Radio
			Clearer
		}{outer, clearer}
	}
	return outer
}
