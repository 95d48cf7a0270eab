// Package road shows in virtual time that parcels get through: whole gateways with
// real stores on simulated LoRa, under loss, cuts and kills. Its tests print
// what a transfer cost against what the channel could carry at most.
package road
