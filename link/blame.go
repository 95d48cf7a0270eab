package link

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// conclude tries the digest once a juror has given all that was asked. open tells that it had blocks to test before.
func (c *Core) conclude(re *reassembly, j *juror, st *inStream, open bool) {
	for j.cost == 0 {
		if c.digestBy(re, j) == re.item.Digest {
			c.acquit(re, j, st)
			return
		}
		if c.drop(DropBadBody); j.alone {
			c.spend(re, j)
			c.askJurors(re)
			return
		}
		j.alone = true
		for b := range j.proof {
			c.want(re, j, b)
		}
	}
	if open && j.untested == 0 {
		c.askBest(re)
	}
}

// digestBy is the body's digest if the juror is honest.
func (c *Core) digestBy(re *reassembly, j *juror) (d Digest) {
	h := sha256.New()
	h.Write([]byte{re.item.Kind})
	left := re.item.Size
	for b := range j.proof {
		data := j.proof[b].data
		if data == nil {
			data = re.buf[re.lay.start(b)*re.lay.sym:][:re.lay.data(b)*re.lay.sym]
		}
		n := min(left, len(data))
		h.Write(data[:n])
		left -= n
	}
	var sum [sha256.Size]byte
	copy(d[:], h.Sum(sum[:0]))
	return d
}

// acquit takes the juror's body for the true one, and blames whoever gave other symbols.
func (c *Core) acquit(re *reassembly, j *juror, st *inStream) {
	var guilty [maxSources]bool
	for b := range j.proof {
		c.compare(re, b, j.proof[b].data, &guilty)
	}
	for i, from := range re.sources {
		if guilty[i] {
			c.convict(re, from)
		}
	}
	c.endInquest(re)
	c.tell(re, st)
	c.received(re, st, re.buf[:re.item.Size])
}

// compare finds the sources of false symbols of a block, and puts the true ones in their place.
func (c *Core) compare(re *reassembly, b int, truth []byte, guilty *[maxSources]bool) {
	start, sym := re.lay.start(b)*re.lay.sym, re.lay.sym
	held := re.buf[start:][:re.lay.data(b)*sym]
	var all []piece
	if truth == nil {
		truth = held
	} else {
		all = c.pieces(re, b)
	}
	for _, q := range re.inquest.jurors {
		if q.spent {
			continue
		}
		e := &q.proof[b]
		all = append(all, e.pieces(q.source)...)
		guilty[q.source] = guilty[q.source] || e.own && !bytes.Equal(e.data, truth)
	}
	for i, fits := range c.codec.fit(truth, sym, all) {
		if !fits {
			guilty[all[i].source] = true
		}
	}
	copy(held, truth)
}

// convict refuses what else a liar has for this body. A group's key is held by many: nobody is blamed for it.
func (c *Core) convict(re *reassembly, from source) {
	c.drop(DropPoison)
	if from.group || from.peer == (PeerID{}) {
		return
	}
	for _, st := range slices.Clone(re.streams) {
		if st.peer().id == from.peer {
			st.end(inRefused, ReasonMalformed)
		}
	}
	c.failedBy(from.peer)
}

// spend convicts a juror whose own body is not the one.
func (c *Core) spend(re *reassembly, j *juror) {
	c.dismiss(re, j)
	j.spent = true
	c.convict(re, re.sources[j.source])
}
