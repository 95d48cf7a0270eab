// Package suite holds what a bench is asked, as data: suites of cases that know a rig only by the interfaces of package
// hil. The same cases run on processes with simulated radios, on virtual machines and on boards. What a rig cannot do is a
// *hil.Unable, and the case counts as skipped for that reason.
package suite
