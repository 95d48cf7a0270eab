package hop

import "time"

// kind names a row: what is sent how far at which loss for each packet.
type kind struct {
	hops   int
	octets int
	loss   float64
}

// shares are of the PHY limit, payload over airtime and payload over time. Zero: none was measured, or none is asked for.
type shares struct{ air, time float64 }

var kinds = []kind{
	{1, 1_000, 0}, {1, 1_000, .1}, {1, 1_000, .3},
	{1, 10_000, 0}, {1, 10_000, .1}, {1, 10_000, .3},
	{1, 50_000, 0}, {1, 50_000, .1}, {1, 50_000, .3},
	{2, 10_000, 0}, {2, 10_000, .1},
}

// aims is what a row should reach.
var aims = map[kind]shares{
	{1, 1_000, 0}: {.85, .75}, {1, 1_000, .1}: {.75, .58}, {1, 1_000, .3}: {.56, .40},
	{1, 10_000, 0}: {.93, .85}, {1, 10_000, .1}: {.83, .73}, {1, 10_000, .3}: {.63, .50},
	{1, 50_000, 0}: {.95, .88}, {1, 50_000, .1}: {.85, .77}, {1, 50_000, .3}: {.65, .57},
	{2, 10_000, 0}: {.45, 0}, {2, 10_000, .1}: {.38, 0},
}

// reticulum is what two nodes of Reticulum 1.4.2 (three for two hops) reached on a simulated channel behind RNode
// serial ports: exact time on air, half duplex, collisions, independent loss for each frame, the RNode
// firmware's medium access. Random payloads, link already open, airtime of all nodes. Of 15
// transfers of 1 kB at 30 % 14 arrived, of 50 kB at 30 % none.
var reticulum = map[kind]shares{
	{1, 1_000, 0}: {.638, .430}, {1, 1_000, .1}: {.478, .152}, {1, 1_000, .3}: {.334, .081},
	{1, 10_000, 0}: {.716, .553}, {1, 10_000, .1}: {.630, .285}, {1, 10_000, .3}: {.333, .076},
	{1, 50_000, 0}: {.841, .669}, {1, 50_000, .1}: {.597, .233},
	{2, 10_000, 0}: {.382, .271}, {2, 10_000, .1}: {.226, .062},
}

// floors is what 20 seeds must reach: a little below what they do.
var floors = map[kind]shares{
	{1, 1_000, 0}: {.85, .82}, {1, 1_000, .1}: {.76, .70}, {1, 1_000, .3}: {.54, .36},
	{1, 10_000, 0}: {.92, .85}, {1, 10_000, .1}: {.80, .67}, {1, 10_000, .3}: {.61, .48},
	{1, 50_000, 0}: {.94, .89}, {1, 50_000, .1}: {.84, .77}, {1, 50_000, .3}: {.64, .56},
	{2, 10_000, 0}: {.45, .40}, {2, 10_000, .1}: {.39, .34},
}

// longest is how long a transfer may take before it counts as failed.
const longest = 2 * time.Hour
