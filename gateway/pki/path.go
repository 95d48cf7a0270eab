package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Bounds of the search for a path. Certificates beyond the limits are not looked at.
const (
	MaxCandidates = 16 // certificates attached to a message
	MaxDepth      = 8  // certificates in a path, leaf and anchor included
	maxVerify     = 32 // signatures verified for one path
	maxSteps      = 1024
)

// Path is Terms.Path with the given clock, strict and without anything remembered.
func Path(leaf *Certificate, candidates, anchors []*Certificate, now time.Time, q Quality) ([]*Certificate, error) {
	return Terms{Now: now, Quality: q}.Path(leaf, candidates, anchors)
}

// Path returns [leaf, issuer, ..., anchor], every link verified: signature, dates (only
// judged when the clock is better than ClockNone), cA, path length. Candidates come in any order; extra ones
// are ignored, those after the first MaxCandidates too. An anchor need not be self-issued, and a leaf
// that is an anchor is a path by itself. At equal depth anchors and candidates are tried in the given order.
//
// The path length constraint counts every certificate between the constrained one and the leaf, also those
// with equal names, which RFC 5280 section 4.2.1.9 would not count: names prove nothing here.
func (t Terms) Path(leaf *Certificate, candidates, anchors []*Certificate) ([]*Certificate, error) {
	if len(candidates) > MaxCandidates {
		candidates = candidates[:MaxCandidates]
	}
	s := search{candidates: candidates, anchors: anchors, terms: t, links: map[link]error{}}
	if !t.Valid(leaf) {
		return nil, fmt.Errorf("pki: certificate of %s is not valid on %s", leaf.ID, t.Now.UTC().Format(time.DateOnly))
	}
	if path := s.extend([]*Certificate{leaf}); path != nil {
		t.Links.keep(path)
		return path, nil
	}
	if s.why == nil {
		s.why = errors.New("no attached certificate or trust anchor is its issuer")
	}
	return nil, fmt.Errorf("pki: no trusted path for %s: %w", leaf.ID, s.why)
}

// IssuedBy verifies one link: that issuer may issue certificates and signed c. Dates are not judged.
func (c *Certificate) IssuedBy(issuer *Certificate) error { return c.issuedBy(issuer, nil) }

// issuedBy is IssuedBy, without the signature when that is known to be right.
func (c *Certificate) issuedBy(issuer *Certificate, known *Links) error {
	if !c.names(issuer) {
		return fmt.Errorf("pki: %s is not the issuer of %s", issuer.ID, c.ID)
	}
	if !isCA(issuer.X509) {
		return fmt.Errorf("pki: %s may not issue certificates", issuer.ID)
	}
	if known.has(c, issuer) {
		return nil
	}
	x := c.X509
	if err := issuer.X509.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature); err != nil {
		return fmt.Errorf("pki: signature of %s on %s is wrong: %w", issuer.ID, c.ID, err)
	}
	return nil
}

// names says whether c claims to be issued by issuer.
func (c *Certificate) names(issuer *Certificate) bool {
	return string(c.X509.RawIssuer) == string(issuer.X509.RawSubject) && (c.Issuer == "" || c.Issuer == issuer.ID)
}

func isCA(x *x509.Certificate) bool {
	signs := x.KeyUsage == 0 || x.KeyUsage&x509.KeyUsageCertSign != 0
	return x.BasicConstraintsValid && x.IsCA && signs
}

// search is a depth-first walk from the leaf up, anchors first.
type search struct {
	candidates, anchors []*Certificate
	terms               Terms
	links               map[link]error // judged before, by Links too: what is refused without them is refused with them
	steps               int
	why                 error // of the last dead end
}

type link struct{ child, issuer *Certificate }

// extend returns the first complete path that starts with path, or nil.
func (s *search) extend(path []*Certificate) []*Certificate {
	last := path[len(path)-1]
	if contains(s.anchors, last) {
		return path
	}
	if len(path) == MaxDepth {
		s.why = fmt.Errorf("the path is longer than %d", MaxDepth)
		return nil
	}
	for _, anchor := range s.anchors {
		if s.fits(path, anchor) {
			return append(path, anchor)
		}
	}
	for _, c := range s.candidates {
		if contains(path, c) || !s.fits(path, c) {
			continue
		}
		if found := s.extend(append(path[:len(path):len(path)], c)); found != nil {
			return found
		}
	}
	return nil
}

// fits says whether issuer can stand above path. The costly signature comes last.
func (s *search) fits(path []*Certificate, issuer *Certificate) bool {
	child := path[len(path)-1]
	if s.steps++; s.steps > maxSteps || !child.names(issuer) {
		return false
	}
	x, between := issuer.X509, len(path)-1
	if x.MaxPathLen >= 0 && between > x.MaxPathLen {
		s.why = fmt.Errorf("%s allows %d certificates between, not %d", issuer.ID, x.MaxPathLen, between)
		return false
	}
	if !s.terms.Valid(issuer) {
		s.why = fmt.Errorf("certificate of %s is not valid on %s", issuer.ID, s.terms.Now.UTC().Format(time.DateOnly))
		return false
	}
	if err := s.verify(child, issuer); err != nil {
		s.why = err
		return false
	}
	return true
}

func (s *search) verify(child, issuer *Certificate) error {
	l := link{child, issuer}
	err, known := s.links[l]
	if known {
		return err
	}
	if len(s.links) == maxVerify {
		return fmt.Errorf("more than %d signatures to verify", maxVerify)
	}
	err = child.issuedBy(issuer, s.terms.Links)
	s.links[l] = err
	return err
}

func contains(list []*Certificate, c *Certificate) bool {
	for _, have := range list {
		if have.Equal(c) {
			return true
		}
	}
	return false
}
