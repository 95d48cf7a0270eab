package radio

import "math"

// Meter is implemented by radios that watch their channel.
type Meter interface {
	// Channel is what was last measured; it asks the radio nothing. Safe for concurrent use.
	Channel() ChannelStats
}

// ChannelStats is the state of a channel. What is not measured is NaN (Measured).
type ChannelStats struct {
	Busy     float64 // share of the last seconds in which this radio or another sent, 0 to 1
	NoiseDBm float64 // level in the channel while nobody sends
	// Foreign counts what was heard on this setting and is no frame of ours: halves of longer frames, packets of others.
	Foreign uint64
}

// NotMeasured stands for a measure that a radio does not have.
func NotMeasured() float64 { return math.NaN() }

// Measured tells whether a measure is one.
func Measured(v float64) bool { return !math.IsNaN(v) }

// NoChannelStats is nothing measured.
func NoChannelStats() ChannelStats { return ChannelStats{Busy: NotMeasured(), NoiseDBm: NotMeasured()} }
