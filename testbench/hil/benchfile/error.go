package benchfile

// Error is a mistake in a bench file: where, what, and what to do.
type Error struct {
	Where   string // file:line
	Message string
	Excerpt string // the line with a caret under the place; may be empty
	Fix     string
	cause   error
}

// Error is one line; Excerpt and Fix are for a person besides.
func (e *Error) Error() string { return e.Where + ": " + e.Message }

// Unwrap is what the system said, if it was that.
func (e *Error) Unwrap() error { return e.cause }
