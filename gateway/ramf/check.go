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

// CheckSender is CheckSenderBy with the given clock, strict.
func (m *Message) CheckSender(now time.Time, q pki.Quality) error {
	return m.CheckSenderBy(pki.Terms{Now: now, Quality: q})
}

// CheckSenderBy verifies signature and dates, and not whether the sender may write to the
// recipient: enough for messages to Internet endpoints, and for couriers. With ClockNone dates are not
// judged. Errors are *Error.
func (m *Message) CheckSenderBy(t pki.Terms) error {
	if err := m.checkDates(t); err != nil {
		return err
	}
	if !t.Valid(m.Sender) {
		x := m.Sender.X509
		return refuse(SenderExpired, "certificate of sender %s is valid from %s to %s", m.Sender.ID,
			x.NotBefore.Format(time.RFC3339), x.NotAfter.Format(time.RFC3339))
	}
	return m.VerifySignature()
}

// Check is CheckBy with the given clock, strict and without anything remembered.
func (m *Message) Check(anchors []*pki.Certificate, now time.Time, q pki.Quality) ([]*pki.Certificate, error) {
	return m.CheckBy(pki.Terms{Now: now, Quality: q}, anchors)
}

// CheckBy is CheckSenderBy, and that a path from the sender to an anchor exists with path[1] =
// recipient; it returns that path. No anchors means that nobody is trusted: the refusal is NoPath.
// Errors are *Error.
func (m *Message) CheckBy(t pki.Terms, anchors []*pki.Certificate) ([]*pki.Certificate, error) {
	if err := m.CheckSenderBy(t); err != nil {
		return nil, err
	}
	path, err := t.Path(m.Sender, m.Chain, anchors)
	if err != nil {
		return nil, refuse(NoPath, "sender %s is not trusted: %v", m.Sender.ID, err)
	}
	if len(path) < 2 || path[1].ID != m.Recipient {
		return nil, refuse(NotAuthorised, "sender %s has no delivery authorisation from %.80s", m.Sender.ID, m.Recipient)
	}
	return path, nil
}

func (m *Message) checkDates(t pki.Terms) error {
	if t.Early(m.Created) {
		return refuse(NotYetValid, "%v %q was created on %s, which is in the future", m.Type, m.ID, m.Created.Format(time.RFC3339))
	}
	if t.Quality != pki.ClockNone && m.Expires().Before(t.Now) {
		return refuse(Expired, "%v %q expired on %s", m.Type, m.ID, m.Expires().Format(time.RFC3339))
	}
	return nil
}
