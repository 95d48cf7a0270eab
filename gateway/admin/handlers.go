package admin

import "net/http"

func (s *server) status(r *http.Request) (any, error) {
	st, err := s.b.Status(r.Context())
	return s.whole(st), err
}

func (s *server) up(r *http.Request) (any, error) {
	var u Up
	if err := decode(r, maxBody, &u); err != nil {
		return nil, err
	}
	st, err := s.b.Up(r.Context(), u)
	return s.whole(st), err
}

func (s *server) send(r *http.Request) (any, error) {
	select {
	case s.sends <- struct{}{}:
		defer func() { <-s.sends }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	var q Send
	if err := decode(r, maxSend, &q); err != nil {
		return nil, err
	}
	p, err := s.b.Send(r.Context(), q)
	return ParcelReply{s.head(SchemaParcel), p}, err
}

func (s *server) parcel(r *http.Request) (any, error) {
	p, err := s.b.Parcel(r.Context(), r.PathValue("id"))
	return ParcelReply{s.head(SchemaParcel), p}, err
}

func (s *server) queue(r *http.Request) (any, error) {
	q, err := s.b.Queue(r.Context())
	return QueueReply{s.head(SchemaQueue), list(q)}, err
}

func (s *server) inbox(r *http.Request) (any, error) {
	l, err := s.b.Inbox(r.Context())
	return InboxReply{s.head(SchemaInbox), list(l)}, err
}

func (s *server) read(r *http.Request) (any, error) {
	l, err := s.b.Read(r.Context(), r.PathValue("id"))
	return LetterReply{s.head(SchemaLetter), l}, err
}

func (s *server) deleteLetter(r *http.Request) (any, error) {
	n, err := s.b.Delete(r.Context(), r.PathValue("id"))
	return DeletedReply{s.head(SchemaDeleted), n}, err
}

func (s *server) openPairing(r *http.Request) (any, error) {
	o, err := s.b.OpenPairing(r.Context())
	return PairOfferReply{s.head(SchemaOffer), o}, err
}

func (s *server) pairing(r *http.Request) (any, error) {
	p, err := s.b.Pairing(r.Context())
	return PairResultReply{s.head(SchemaPaired), p}, err
}

func (s *server) joinPairing(r *http.Request) (any, error) {
	var q joinRequest
	if err := decode(r, maxBody, &q); err != nil {
		return nil, err
	}
	p, err := s.b.JoinPairing(r.Context(), q.CodeOrInvite)
	return PairResultReply{s.head(SchemaPaired), p}, err
}

func (s *server) contacts(r *http.Request) (any, error) {
	c, err := s.b.Contacts(r.Context())
	return ContactsReply{s.head(SchemaContacts), list(c)}, err
}

func (s *server) addContact(r *http.Request) (any, error) {
	var q contactRequest
	if err := decode(r, maxBody, &q); err != nil {
		return nil, err
	}
	return DoneReply{s.head(SchemaDone)}, s.b.ContactAdd(r.Context(), q.Name, q.Text)
}

func (s *server) card(r *http.Request) (any, error) {
	t, err := s.b.ContactCard(r.Context())
	return TextReply{s.head(SchemaText), t}, err
}

func (s *server) exportContact(r *http.Request) (any, error) {
	var q exportRequest
	if err := decode(r, maxBody, &q); err != nil {
		return nil, err
	}
	t, err := s.b.ContactExport(r.Context(), q.Card)
	return TextReply{s.head(SchemaText), t}, err
}
