package pki

import (
	"container/list"
	"crypto/sha256"
)

// linkShares is how many issuers fill a Links: one issuer's certificates take at most that part of it.
const linkShares = 8

// Links remembers which certificate was found signed by which key, so that the path of a sender who writes
// again costs no signature. Nothing else is remembered: names, dates, cA, path lengths and revocation are
// judged each time. Only the links of paths that led to an anchor are kept, and no failure is: whoever cannot
// be trusted pushes nothing out, and a forged certificate costs its verification each time, as it would if
// failures were kept, because every forgery can be a new one. Whoever may issue certificates under an anchor can
// fill one eighth; beyond it his own oldest go. Each costs him a signature and us one verification.
//
// The one that was not used for longest goes first, so that the same calls leave the same links. A nil *Links
// remembers nothing. Not safe for concurrent use.
type Links struct {
	max, share int
	known      map[linkKey]*knownLink
	all        *list.List            // of *knownLink, the latest use in front
	issuers    map[NodeID]*list.List // the same by issuer
}

// linkKey names what a signature covers and who made it.
type linkKey struct {
	child  [32]byte
	issuer NodeID
}

type knownLink struct {
	key      linkKey
	all, own *list.Element
}

// NewLinks makes room for n links, at least eight. One takes about 400 octets.
func NewLinks(n int) *Links {
	n = max(n, linkShares)
	return &Links{max: n, share: n / linkShares, known: map[linkKey]*knownLink{}, all: list.New(), issuers: map[NodeID]*list.List{}}
}

func linkOf(child, issuer *Certificate) linkKey {
	h := sha256.New()
	h.Write(child.X509.RawTBSCertificate) // DER: it tells where it ends
	h.Write([]byte{byte(child.X509.SignatureAlgorithm)})
	h.Write(child.X509.Signature)
	k := linkKey{issuer: issuer.ID}
	h.Sum(k.child[:0])
	return k
}

// has tells whether issuer's key is known to have signed child.
func (l *Links) has(child, issuer *Certificate) bool {
	return l != nil && l.known[linkOf(child, issuer)] != nil
}

// keep remembers the links of a path, or that they were used.
func (l *Links) keep(path []*Certificate) {
	if l == nil {
		return
	}
	for i := range len(path) - 1 {
		l.use(linkOf(path[i], path[i+1]))
	}
}

func (l *Links) use(key linkKey) {
	if k := l.known[key]; k != nil {
		l.all.MoveToFront(k.all)
		l.issuers[key.issuer].MoveToFront(k.own)
		return
	}
	l.add(key)
}

func (l *Links) add(key linkKey) {
	if own := l.issuers[key.issuer]; own != nil && own.Len() == l.share {
		l.remove(own.Back().Value.(*knownLink))
	} else if len(l.known) == l.max {
		l.remove(l.all.Back().Value.(*knownLink))
	}
	own := l.issuers[key.issuer]
	if own == nil {
		own = list.New()
		l.issuers[key.issuer] = own
	}
	k := &knownLink{key: key}
	k.all, k.own = l.all.PushFront(k), own.PushFront(k)
	l.known[key] = k
}

func (l *Links) remove(k *knownLink) {
	own := l.issuers[k.key.issuer]
	l.all.Remove(k.all)
	own.Remove(k.own)
	if own.Len() == 0 {
		delete(l.issuers, k.key.issuer)
	}
	delete(l.known, k.key)
}
