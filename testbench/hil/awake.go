package hil

import (
	"context"
	"io"
)

// Awake presses return at a console that has been left alone and waits for the prompt.
func (c *Console) Awake(ctx context.Context) error {
	if err := c.Type(ctx, ""); err != nil {
		return err
	}
	_, _, err := c.Expect(ctx, prompt)
	return err
}

// Interrupt ends the command that runs at a console, if one does, by Ctrl-C, and waits for the prompt. What was said until
// then is dropped.
func (c *Console) Interrupt(ctx context.Context) error {
	c.Forget()
	if _, err := io.WriteString(c.line, "\x03"); err != nil {
		return c.error("interrupt", err)
	}
	return c.Awake(ctx)
}
