// Package appliance is the init of the flash image: process 1, which mounts the card, keeps the watchdog and the network,
// runs `packhorse run` as a user without rights, takes commands at the consoles, and ends everything in order. What it
// decides is in plan; here is what does it.
package appliance
