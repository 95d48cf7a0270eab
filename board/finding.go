package board

import "fmt"

// DeviceError is a device or a line that cannot be used: what is the matter, and what to do.
type DeviceError struct {
	What, Fix string
	Err       error // fs.ErrNotExist, fs.ErrPermission
}

func (e *DeviceError) Error() string { return fmt.Sprintf("board: %s: %s", e.What, e.Fix) }

func (e *DeviceError) Unwrap() error { return e.Err }

// Remedy is Fix; it is the end of Error.
func (e *DeviceError) Remedy() string { return e.Fix }

// Level is how bad a finding is.
type Level uint8

const (
	OK   Level = iota
	Warn       // works, but not as well or not for long
	Fail       // does not work
)

// String is the word for the first column of `packhorse doctor`.
func (l Level) String() string {
	switch l {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	}
	return "fail"
}

// Finding is one thing that was looked at, and what to do about it.
type Finding struct {
	Level   Level
	Subject string // "spi", "GPIO25 (reset)"
	What    string
	Fix     string // empty when OK
}

func ok(subject, what string) Finding { return Finding{Level: OK, Subject: subject, What: what} }

func fail(subject, what, fix string) Finding { return Finding{Fail, subject, what, fix} }

func warn(subject, what, fix string) Finding { return Finding{Warn, subject, what, fix} }
