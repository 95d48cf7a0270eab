package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	dnsType   = "application/dns-message"
	maxAnswer = 1<<16 - 1 // octets of a DNS message
)

// ask sends one question for SRV records.
func (r *Resolver) ask(ctx context.Context, name string) ([]dnsmessage.SRVResource, error) {
	q, err := question(name)
	if err != nil {
		return nil, &Error{Kind: BadAddress, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.doh, bytes.NewReader(q))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", dnsType)
	req.Header.Set("Accept", dnsType)
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, &Error{Kind: Unreachable, Err: err}
	}
	defer resp.Body.Close()
	b, err := body(resp)
	if err != nil {
		return nil, err
	}
	return answer(b)
}

// question asks with the AD flag set: the answer shall say whether it is signed (RFC 6840 section 5.7). The id is 0,
// as RFC 8484 wants it.
func question(name string) ([]byte, error) {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{RecursionDesired: true, AuthenticData: true},
		Questions: []dnsmessage.Question{{Name: n, Type: dnsmessage.TypeSRV, Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

func body(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &Error{Kind: Unreachable, Err: err}
	case resp.StatusCode >= 500:
		return nil, &Error{Kind: Unreachable, Err: fmt.Errorf("it answers %s", resp.Status)}
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers %s", resp.Status)
	case resp.Header.Get("Content-Type") != dnsType:
		return nil, errors.New("it does not answer with a DNS message")
	case len(b) > maxAnswer:
		return nil, errors.New("its answer is too large")
	}
	return b, nil
}

// answer reads a DNS message. What follows a CNAME is as good as what was asked for: AD speaks for all records.
func answer(b []byte) ([]dnsmessage.SRVResource, error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	switch {
	case err != nil:
		return nil, err
	case !h.Response || h.Truncated:
		return nil, errors.New("it answers with half a message, or a question")
	case h.RCode == dnsmessage.RCodeNameError:
		return nil, &Error{Kind: NoSuchAddress}
	case h.RCode != dnsmessage.RCodeSuccess:
		return nil, fmt.Errorf("it answers %v", h.RCode)
	}
	list, err := services(&p)
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, &Error{Kind: NoSuchAddress}
	case !h.AuthenticData:
		return nil, &Error{Kind: NotSigned}
	}
	return list, nil
}

// services reads the SRV records that name a host.
func services(p *dnsmessage.Parser) (list []dnsmessage.SRVResource, err error) {
	if err := p.SkipAllQuestions(); err != nil {
		return nil, err
	}
	for len(list) < maxTargets {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, err
		}
		if h.Type != dnsmessage.TypeSRV || h.Class != dnsmessage.ClassINET {
			if err := p.SkipAnswer(); err != nil {
				return nil, err
			}
			continue
		}
		s, err := p.SRVResource()
		if err != nil {
			return nil, err
		}
		if s.Port != 0 && validHost(s.Target.String()) {
			list = append(list, s)
		}
	}
	return list, nil
}

// validHost passes over the root, by which a domain says that it does not offer the service, and what no host is
// called: the name goes into URLs and TLS.
func validHost(name string) bool {
	name = canonical(name)
	for l := range strings.SplitSeq(name, ".") {
		if !validLabel(strings.ReplaceAll(l, "_", "x")) {
			return false
		}
	}
	return len(name) <= maxName && net.ParseIP(name) == nil
}

func targets(list []dnsmessage.SRVResource) []Target {
	out := make([]Target, len(list))
	for i, s := range list {
		host := canonical(s.Target.String())
		out[i] = Target{Address: net.JoinHostPort(host, strconv.Itoa(int(s.Port))), Name: host}
	}
	return out
}
