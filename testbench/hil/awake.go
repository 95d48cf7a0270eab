package hil

import "context"

// Awake presses return at a console that has been left alone and waits for the prompt.
func (c *Console) Awake(ctx context.Context) error {
	if err := c.Type(ctx, ""); err != nil {
		return err
	}
	_, _, err := c.Expect(ctx, prompt)
	return err
}
