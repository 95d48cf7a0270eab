package ramf

import (
	"time"

	"packhorse/gateway/pki"
)

// VerifySignature checks the signature by the sender certificate in the message. It says nothing
// about whether that certificate can be trusted.
func (m *Message) VerifySignature() error {
	if m.signed == nil {
		return refuse(BadSignature, "%v was not parsed, there is no signature", m.Type)
	}
	if err := m.signed.Verify(nil); err != nil {
		return refuse(BadSignature, "%v %q is not signed by its sender %s", m.Type, m.ID, m.Sender.ID)
	}
	return nil
}

// CheckSender verifies signature and dates, and not whether the sender may write to the
// recipient: enough for messages to Internet endpoints, and for couriers. With q = ClockNone dates are not
// judged. Errors are *Error.
func (m *Message) CheckSender(now time.Time, q pki.Quality) error {
	if q != pki.ClockNone {
		if err := m.checkDates(now); err != nil {
			return err
		}
	}
	if !m.Sender.Valid(now, q) {
		x := m.Sender.X509
		return refuse(SenderExpired, "certificate of sender %s is valid from %s to %s", m.Sender.ID,
			x.NotBefore.Format(time.RFC3339), x.NotAfter.Format(time.RFC3339))
	}
	return m.VerifySignature()
}

// Check is CheckSender, and that a path from the sender to an anchor exists with path[1] =
// recipient; it returns that path. No anchors means that nobody is trusted: the refusal is NoPath.
// Errors are *Error.
func (m *Message) Check(anchors []*pki.Certificate, now time.Time, q pki.Quality) ([]*pki.Certificate, error) {
	if err := m.CheckSender(now, q); err != nil {
		return nil, err
	}
	path, err := pki.Path(m.Sender, m.Chain, anchors, now, q)
	if err != nil {
		return nil, refuse(NoPath, "sender %s is not trusted: %v", m.Sender.ID, err)
	}
	if len(path) < 2 || path[1].ID != m.Recipient {
		return nil, refuse(NotAuthorised, "sender %s has no delivery authorisation from %.80s", m.Sender.ID, m.Recipient)
	}
	return path, nil
}

func (m *Message) checkDates(now time.Time) error {
	if m.Created.After(now) {
		return refuse(NotYetValid, "%v %q was created on %s, which is in the future", m.Type, m.ID, m.Created.Format(time.RFC3339))
	}
	if m.Expires().Before(now) {
		return refuse(Expired, "%v %q expired on %s", m.Type, m.ID, m.Expires().Format(time.RFC3339))
	}
	return nil
}
