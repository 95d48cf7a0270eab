package ebyte

import (
	"bytes"
	"context"
	"time"
)

// answerPatience is how long a module may think, beyond the time on the line.
const answerPatience = 500 * time.Millisecond

var refusal = []byte{0xFF, 0xFF, 0xFF}

// configured runs f in configuration mode, and goes back to transparent mode at the rate given.
func (m *modem) configured(ctx context.Context, in mode, baud int, f func() error) error {
	m.config.Store(true)
	if err := m.switchTo(ctx, in); err != nil {
		return err
	}
	if err := m.setBaud(configBaud); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if err := m.switchTo(ctx, transparent); err != nil {
		return err
	}
	m.config.Store(false)
	return m.setBaud(baud)
}

func (m *modem) setBaud(baud int) error {
	m.baud.Store(int32(baud))
	return m.because(m.port.SetBaud(baud))
}

// questions are how often a module is asked that says nothing: one that has just changed its mode, or whose host was
// busy, may have missed the first.
const questions = 3

// ask writes a command and collects an answer of so many octets, or fewer when no more come.
func (m *modem) ask(ctx context.Context, command []byte, octets int) (got []byte, err error) {
	for range questions {
		if got, err = m.askOnce(ctx, command, octets); len(got) > 0 || err != nil {
			break
		}
	}
	return got, err
}

func (m *modem) askOnce(ctx context.Context, command []byte, octets int) ([]byte, error) {
	m.forget()
	if err := m.write(command); err != nil {
		return nil, err
	}
	timer := time.NewTimer(answerPatience + m.uart(len(command)+octets))
	defer timer.Stop()
	var got []byte
	for len(got) < octets && !bytes.Equal(got, refusal) {
		select {
		case b := <-m.answers:
			got = append(got, b...)
		case <-timer.C:
			return got, nil
		case <-m.gone:
			return nil, m.goneErr
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return got, nil
}

// forget drops what came unasked.
func (m *modem) forget() {
	for {
		select {
		case <-m.answers:
		default:
			return
		}
	}
}

// judge says what is wrong with an answer that should begin with head and have so many octets.
func judge(asked, got, head []byte, octets int) error {
	switch {
	case len(got) == 0:
		return ErrNoModule
	case bytes.HasPrefix(got, refusal):
		return ErrRefused
	case len(got) != octets || !bytes.HasPrefix(got, head):
		return &AnswerError{asked, got}
	}
	return nil
}
