// Package report writes what a run of a bench has found: as JSON (docs/schema/bench_report.json), as JUnit XML, which
// Jenkins and GitLab read, as one HTML file that needs nothing else, and as one line.
package report
