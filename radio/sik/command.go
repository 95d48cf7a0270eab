package sik

import (
	"context"
	"errors"
	"fmt"
	"time"

	"packhorse/radio"
)

const (
	answerTime = time.Second            // for one answer
	quiet      = 300 * time.Millisecond // a list has ended
	settle     = 100 * time.Millisecond // between a command that has no answer and the next
	listTime   = 5 * time.Second        // for a whole list; what goes on for longer is no answer
	bootTime   = 2 * time.Second
	lineLength = 128
)

// enter brings the radio into command mode: silence, "+++", silence. A radio that is in command mode already takes
// that for the beginning of a line.
func (m *Modem) enter(ctx context.Context) error {
	m.commanding.Store(true)
	for end := time.Now().Add(m.opts.Detect); time.Now().Before(end); {
		if err := m.sleep(ctx, m.opts.Guard); err != nil {
			return err
		}
		m.drain()
		if err := m.write("+++"); err != nil {
			return err
		}
		if err := m.sleep(ctx, m.opts.Guard+settle); err != nil { // OK is due by now, but may as well come from the air
			return err
		}
		err := m.confirm(ctx)
		if errors.Is(err, errNoAnswer) {
			err = m.alreadyIn(ctx)
		}
		if !errors.Is(err, errNoAnswer) {
			return err
		}
	}
	return ErrNoSiK
}

func (m *Modem) alreadyIn(ctx context.Context) error {
	if err := m.write("\r"); err != nil {
		return err
	}
	if err := m.sleep(ctx, settle); err != nil {
		return err
	}
	return m.confirm(ctx)
}

// confirm gives a command and waits for its echo, and for OK right behind it: only command mode has an echo.
func (m *Modem) confirm(ctx context.Context) error {
	const command = "AT"
	m.drain()
	if err := m.write(command + "\r"); err != nil {
		return err
	}
	last := ""
	for end := time.Now().Add(answerTime); ; {
		line, err := m.line(ctx, time.Until(end))
		if err != nil || line == "OK" && last == command {
			return err
		}
		if line != "" {
			last = line
		}
	}
}

// leave goes back to transparent mode.
func (m *Modem) leave(ctx context.Context) error {
	if err := m.write("ATO\r"); err != nil {
		return err
	}
	if err := m.sleep(ctx, settle); err != nil {
		return err
	}
	m.commanding.Store(false)
	return nil
}

// reboot makes saved parameters take effect, and comes back to command mode.
func (m *Modem) reboot(ctx context.Context) error {
	if err := m.write("ATZ\r"); err != nil {
		return err
	}
	if err := m.sleep(ctx, bootTime); err != nil {
		return err
	}
	return m.enter(ctx)
}

// list gives a command and returns the lines of its answer, without its echo.
func (m *Modem) list(ctx context.Context, command string) ([]string, error) {
	m.drain()
	if err := m.write(command + "\r"); err != nil {
		return nil, err
	}
	var lines []string
	end := time.Now().Add(listTime)
	for patience := answerTime; ; patience = quiet {
		line, err := m.line(ctx, patience)
		switch {
		case errors.Is(err, errNoAnswer) || err == nil && time.Now().After(end):
			return lines, nil
		case err != nil:
			return nil, err
		case line != command && line != "" && len(lines) < mostParameters:
			lines = append(lines, line)
		}
	}
}

// do gives a command that is answered with OK. ok is false when the radio says ERROR.
func (m *Modem) do(ctx context.Context, command string) (ok bool, err error) {
	m.drain()
	if err := m.write(command + "\r"); err != nil {
		return false, err
	}
	for end := time.Now().Add(answerTime); ; {
		line, err := m.line(ctx, time.Until(end))
		switch {
		case errors.Is(err, errNoAnswer):
			return false, ErrNoSiK
		case err != nil:
			return false, err
		case line == "OK" || line == "ERROR":
			return line == "OK", nil
		}
	}
}

// line waits for the next line of the radio.
func (m *Modem) line(ctx context.Context, timeout time.Duration) (string, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case l := <-m.lines:
		return l, nil
	case <-timer.C:
		return "", errNoAnswer
	case <-m.gone:
		return "", m.goneErr
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (m *Modem) drain() {
	for {
		select {
		case <-m.lines:
		default:
			return
		}
	}
}

func (m *Modem) write(text string) error {
	_, err := m.port.Write([]byte(text))
	if err != nil {
		err = fmt.Errorf("%w (%v)", ErrGone, err)
	}
	return radio.Because(m.gone, &m.goneErr, err)
}

func (m *Modem) sleep(ctx context.Context, d time.Duration) error {
	return radio.Pause(ctx, m.gone, &m.goneErr, d)
}
