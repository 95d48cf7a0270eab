// Package simulated is a rig of processes: each node is `packhorse run` on this machine with an RNode on a
// pseudo-terminal, in real time. Taking its power away is SIGKILL: what the process wrote stays with the kernel, so that
// it says nothing of disks that lose their power; the virtual rig does.
package simulated
