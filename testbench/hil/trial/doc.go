// Package trial shows packhorse-bench at work on the simulated rig, from outside and in real time, and holds its reports
// against what reads them. Its tests take a minute, so they run only when PACKHORSE_REAL=1 asks for them.
package trial
