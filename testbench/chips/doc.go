// Package chips holds whole gateways and their transports against simulated radio chips: store on disk, sessions, medium
// access, the drivers of radio/sx127x and radio/sx126x on registers and lines, and a channel that loses packets.
package chips
