package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"packhorse/gateway/courier/bundle"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

const (
	maxSticks     = 8         // exports at once
	maxStickFiles = 20_000    // of one export
	smallBundle   = 256 << 10 // to which several items may fill a file
	maxIntro      = 32 << 10  // of adverts in the first file for a gateway
)

// stickExport is one export that runs.
type stickExport struct {
	todo []stickPick
	met  map[link.PeerID]bool // gateways that had a file with our adverts
	left StickLeft
	busy bool
}

var errNoStick = &Error{Code: "failed", Message: "this export was closed", Fix: "run it again"}

// openStick looks at what is on a stick and lists what is to come.
func (c *Core) openStick(now time.Time, e OpenStick) {
	switch {
	case c.member == nil:
		c.answer(e.Token, nil, errNoDomain)
		return
	case len(c.sticks) >= maxSticks:
		c.answer(e.Token, nil, &Error{Code: "not_yet", Message: "eight exports run already", Fix: "wait until one is done"})
		return
	case len(e.Files) > maxStickFiles:
		c.answer(e.Token, nil, &Error{Code: "refused", Message: "there are more than 20,000 files on the stick", Fix: "import them somewhere, or take another stick"})
		return
	}
	has, v, cargo := map[link.Digest]bool{}, StickVerdict{Over: []string{}}, c.cargoNames()
	for _, f := range e.Files {
		if !bundle.Is(f.Head) && c.cargoOver(now, f, cargo[f.Name], has) || c.bundleOver(now, f, has) {
			v.Over = append(v.Over, f.Name)
		}
	}
	if c.sticks == nil {
		c.sticks = map[uint64]*stickExport{}
	}
	s := &stickExport{todo: c.stickPicks(has), met: map[link.PeerID]bool{}}
	for _, k := range s.todo {
		v.Bytes += int64(k.size())
		if k.x != nil && !k.whole() {
			v.Parcels++
		}
	}
	c.sticks[e.Sub], v.Up = s, c.waitsUp()
	c.answer(e.Token, v, nil)
}

// waitsUp is a sum over all that cargo of ours has to bring to the Internet.
func (c *Core) waitsUp() (sum [32]byte) {
	h := sha256.New()
	for _, x := range c.queue.all() {
		if x.Type == ramf.Parcel && x.Internet && x.forwardable() {
			h.Write(x.Digest[:])
		}
	}
	for _, id := range c.debts() {
		h.Write(id[:])
	}
	h.Sum(sum[:0])
	return sum
}

// cargoNames are the cargo and CCAs that we know, by the names that their files have.
func (c *Core) cargoNames() map[string]*entry {
	names := map[string]*entry{}
	for _, x := range c.queue.byID {
		if x.Type != ramf.Parcel {
			names[CargoName(x.Type, x.Sum)] = x
		}
	}
	return names
}

// cargoOver tells whether cargo or a CCA may leave the stick: it expired, or x, which it is, went its way.
func (c *Core) cargoOver(now time.Time, f StickFile, x *entry, has map[link.Digest]bool) bool {
	if _, expires, ok := ramf.Peek(f.Head); ok && c.clockTrusted() && expires.Before(now) {
		return true
	}
	if x == nil {
		return false
	}
	over := !x.fresh && !x.busy && !x.forwardable() || f.Size != int64(x.Size)
	has[x.Digest] = has[x.Digest] || !over
	return over
}

// bundleOver tells whether a bundle may leave the stick; if not, what is in one of ours is noted.
func (c *Core) bundleOver(now time.Time, f StickFile, has map[link.Digest]bool) bool {
	h, err := bundle.ParseHeader(f.Head)
	if err != nil {
		return false
	}
	if c.clockTrusted() && h.Expires.Before(now) {
		return true
	}
	named, ours := c.sealer().Named(h)
	if !ours {
		return false
	}
	waits := false
	for _, d := range named {
		waits = waits || c.waitsOnStick(d)
	}
	if int64(h.Size) != f.Size || len(named) > 0 && !waits {
		return true
	}
	for _, d := range named {
		has[d] = true
	}
	return false
}

func (c *Core) sealer() *bundle.Sealer {
	return &bundle.Sealer{Domain: c.member.Domain.ID, Key: c.member.Domain.Key, Self: c.self, Static: c.id.Static}
}

// nextFile makes the next bundle of an export.
func (c *Core) nextFile(now time.Time, e NextFile) {
	s := c.sticks[e.Sub]
	if s == nil || s.busy || c.member == nil {
		c.answer(e.Token, nil, errNoStick)
		return
	}
	for {
		picks := s.take(e.Room, e.Least)
		if len(picks) == 0 {
			c.answer(e.Token, &StickMade{Left: s.left}, nil)
			return
		}
		if x := picks[0].x; picks[0].whole() {
			if !x.forwardable() || c.queue.byID[x.id] != x {
				continue // it went meanwhile
			}
			s.busy = true
			c.wholeFile(now, s, e, x)
			return
		}
		if _, ok := c.roster.Get(picks[0].to); ok { // else it left the domain meanwhile
			s.busy = true
			c.fillBundle(now, &filling{s: s, e: e, picks: picks, made: StickMade{Priority: picks[0].priority()}})
			return
		}
	}
}

// take cuts the next picks off that share a file. What has no room is counted, and left for another stick.
func (s *stickExport) take(room int64, least link.Priority) (picks []stickPick) {
	size := 0
	for len(s.todo) > 0 {
		k := s.todo[0]
		if k.priority() > least || len(picks) > 0 && (!k.shares(picks[0]) || len(picks) == bundle.MaxItems || size+k.size() > smallBundle) {
			break
		}
		s.todo[0] = stickPick{}
		s.todo = s.todo[1:]
		if all := size + k.size(); int64(all+bundle.Overhead(all, len(picks)+1)) <= room {
			size, picks = all, append(picks, k)
		} else {
			s.pass(k)
		}
	}
	return picks
}

func (k stickPick) shares(o stickPick) bool {
	return k.to == o.to && k.priority() == o.priority() && !k.whole()
}

// wholeFile hands cargo or a CCA out as it is.
func (c *Core) wholeFile(now time.Time, s *stickExport, e NextFile, x *entry) {
	c.load(KindBody, digestKey(x.Digest), func(now time.Time, body []byte, err error) {
		s.busy = false
		raw, err := rebuild(x, body, err)
		if err != nil {
			c.notice(true, x.Type.String()+" "+shownSum(x)+": "+err.Error())
			c.nextFile(now, e)
			return
		}
		c.answer(e.Token, &StickMade{Raw: raw, Type: x.Type, To: cmp.Or(x.Address, string(x.Recipient[:min(len(x.Recipient), shownID)])),
			Priority: x.Priority, Expires: x.Expires, Left: s.left}, nil)
	})
}

func (s *stickExport) pass(k stickPick) {
	s.left.Bytes += int64(k.size())
	switch {
	case k.whole():
		s.left.Cargo++
	case k.x != nil:
		s.left.Parcels++
	}
}

// filling is a bundle whose bodies are loaded one by one.
type filling struct {
	s     *stickExport
	e     NextFile
	picks []stickPick
	to    link.PeerID
	made  StickMade
	in    bundle.Contents
	size  int
}

// fillBundle adds the next body, and seals when there is none left. What went meanwhile is left out.
func (c *Core) fillBundle(now time.Time, f *filling) {
	for len(f.picks) > 0 {
		k := f.picks[0]
		f.to, f.picks = k.to, f.picks[1:]
		if k.n != nil {
			f.add(k, bundle.Item{Kind: k.n.kind, Priority: uint8(link.Message), Hands: nextHands(k.n.hands), Body: k.n.body})
			continue
		}
		if !k.x.forwardable() || c.queue.byID[k.x.id] != k.x {
			continue
		}
		c.load(KindBody, digestKey(k.x.Digest), func(now time.Time, body []byte, err error) {
			if err != nil || digestOf(ItemParcel, body) != k.x.Digest {
				c.notice(true, "store: the body of a parcel could not be read: packhorse store check")
			} else {
				f.add(k, bundle.Item{Kind: ItemParcel, Priority: uint8(k.x.Priority), Hands: nextHands(k.x.Hands), Body: body})
			}
			c.fillBundle(now, f)
		})
		return
	}
	c.sealBundle(now, f)
}

func (f *filling) add(k stickPick, it bundle.Item) {
	f.in.Items, f.in.Named = append(f.in.Items, it), append(f.in.Named, k.digest())
	f.in.Expires, f.size = maxTime(f.in.Expires, k.expires()), f.size+it.Size()
	if k.x != nil {
		k.x.offers++ // a neighbour that had it by stick says so truly
		f.made.Parcels++
	} else {
		f.made.Notes++
	}
}

func (c *Core) sealBundle(now time.Time, f *filling) {
	f.s.busy = false
	rec, ok := c.roster.Get(f.to)
	if len(f.in.Items) == 0 || !ok {
		c.nextFile(now, f.e)
		return
	}
	c.introduceOnStick(f)
	raw, err := c.sealer().Seal(bundle.Recipient{ID: f.to, Static: rec.Static}, f.in, c.cfg.Rand)
	if err != nil {
		c.answer(f.e.Token, nil, &Error{Code: "failed", Message: err.Error(), Fix: "run it again"})
		return
	}
	f.made.Raw, f.made.To, f.made.Expires, f.made.Left = raw, c.peerName(f.to), f.in.Expires, f.s.left
	c.answer(f.e.Token, &f.made, nil)
}

// introduceOnStick puts our adverts before all else in the first file for a gateway: it may never have heard them, or who
// was revoked.
func (c *Core) introduceOnStick(f *filling) {
	if f.s.met[f.to] {
		return
	}
	f.s.met[f.to] = true
	var intro []bundle.Item
	size := 0
	for _, a := range c.adverts.sorted() {
		it := bundle.Item{Kind: a.kind, Priority: uint8(link.Message), Body: a.body}
		all := f.size + size + it.Size()
		if a.gateway != c.self && a.kind != ItemDomainAdvert || size+it.Size() > maxIntro || int64(all+bundle.Overhead(all, len(f.in.Named))) > f.e.Room {
			continue
		}
		intro, size = append(intro, it), size+it.Size()
	}
	f.in.Items = append(intro, f.in.Items...)
}

// CargoName is the name of a file with cargo or a CCA, whose SHA-256 sum is.
func CargoName(t ramf.Type, sum [32]byte) string {
	if t == ramf.CCA {
		return hex.EncodeToString(sum[:8]) + ".cca"
	}
	return hex.EncodeToString(sum[:8]) + ".crg"
}
