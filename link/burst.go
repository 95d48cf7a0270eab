package link

import (
	"packhorse/link/wire"
)

func wireOverhead(p *port) int {
	if p.shared() {
		return wire.DataOverhead
	}
	return wire.DataFullOverhead
}

// repairSpread starts the repair symbols of different streams at different places, so
// that what a receiver kept from an earlier session is not sent again.
const repairSpread = 37

// plan wants every block that the account says is incomplete, and all from upto on.
func (c *Core) plan(o *outgoing, upto int, needs []wire.BlockNeed) {
	if o.want == nil {
		o.want, o.next = make([]uint8, o.lay.blocks), make([]uint8, o.lay.blocks)
		o.need, o.gave = make([]uint8, o.lay.blocks), make([]uint8, o.lay.blocks)
		for b := range o.want {
			o.want[b] = uint8(o.lay.data(b))
			o.need[b] = o.want[b]
		}
	}
	clear(o.gave)
	upto = min(upto, o.lay.blocks)
	for b := range upto {
		o.want[b], o.need[b] = 0, 0
	}
	missing := 0
	for _, n := range needs {
		b := int(n.Block)
		if b >= upto {
			continue
		}
		k := o.lay.data(b)
		need := min(int(n.N), k)
		missing += need
		o.need[b] = uint8(need)
		o.aim(b, k, need)
	}
	o.count(upto, missing)
}

// aim wants need symbols of a block. None is sent ahead by the loss that was measured: what turns out useless costs more
// than the rounds that are spared.
func (o *outgoing) aim(b, k, need int) {
	switch {
	case need == k:
		o.next[b] = 0
	case o.next[b] == 0, int(o.next[b])+need < k: // others gave of it: what comes next may be there
		o.next[b] = uint8(k + (int(o.stream)+b)*repairSpread%repairCount)
	}
	o.want[b] = uint8(need)
}

// even is how many of the wanted symbols go into a frame when all frames hold as many: then any of them makes up for any other.
func even(want, per int) int {
	frames := max(1, (want+per-1)/per)
	return (want + frames - 1) / frames
}

// count sums up what is wanted, and learns how much of what was sent got lost.
func (o *outgoing) count(upto, missing int) {
	o.left = 0
	for b, n := range o.want {
		o.left += int(n)
		if b >= upto {
			missing += o.lay.data(b)
		}
	}
	if o.sent > 0 {
		got := max(0, o.missing-missing)
		o.path.learnLoss(o.sent, got, o.path.perFrame(o.lay))
	}
	o.missing, o.sent, o.upto = missing, 0, max(o.upto, upto)
	o.cursor = 0
}

// lossStart and lossMemory are how many frames the assumption that nothing is lost counts as, and all that was seen, at most.
const (
	lossStart  = 4
	lossMemory = 48
)

// learnLoss averages the share of lost symbols, by frames.
func (pa *path) learnLoss(sent, got, per int) {
	share := 1 - min(1, float64(got)/float64(sent))
	frames := float64(sent) / float64(per)
	pa.loss += (share - pa.loss) * frames / (frames + pa.lossOf + lossStart)
	pa.lossOf = min(pa.lossOf+frames, lossMemory)
}

// appendData appends the next data frame of a transfer.
func (c *Core) appendData(o *outgoing, buf []byte) ([]byte, bool) {
	if o.group.cast != nil {
		return c.appendCast(o, buf)
	}
	b := o.nextBlock()
	if b < 0 {
		return buf, false
	}
	p, k := o.path.port, o.lay.data(b)
	if o.burst <= 0 {
		if o.burst = p.burst(o.path.loss); o.path.checks() {
			o.burst = min(o.burst, o.aliveAfter())
		}
	}
	o.burst = min(o.burst, c.mostOfBurst(o))
	first := int(o.next[b])
	count := min(o.path.perFrame(o.lay), int(o.want[b]), k+repairCount-first)
	if first >= k {
		count = min(count, even(int(o.want[b]), o.path.perFrame(o.lay)))
	}
	o.burst--
	last := o.left <= count || o.burst == 0
	asks := last && !c.another(o)
	check := asks && o.left > count && o.path.checks() && !o.again
	head := wire.Data{Poll: asks && !check, Check: check, Full: o.sess.full(), Block: uint16(b), Stream: o.stream, First: uint8(first)}
	start := len(buf)
	buf = wire.AppendData(buf, head)
	body := len(buf)
	buf = c.appendSymbols(buf, o, b, first, count)
	nonce := head.Nonce(len(buf) - body)
	buf = o.sess.sendData.seal(buf[:body], nonce, buf[body:], buf[start:body], head.TagSize())
	o.sess.frames++
	o.took(b, k, first, count)
	if last {
		o.state, o.burst, o.again, o.lastOf = outPolled, 0, false, b
		o.checked, o.check = check, head.AliveNonce(len(buf)-body-head.TagSize())
	}
	return buf, true
}

// took accounts for symbols that left. After the last repair symbol the first one follows:
// there are three times as many as any block needs.
func (o *outgoing) took(b, k, first, count int) {
	o.want[b] -= uint8(count)
	o.left -= count
	o.sent += count
	o.given += count
	o.gave[b] = uint8(min(int(o.gave[b])+count, 255))
	o.upto = max(o.upto, b+1)
	if first += count; first >= k+repairCount {
		first = k
	}
	o.next[b] = uint8(first)
}

// nextBlock is the block to send of, or -1.
func (o *outgoing) nextBlock() int { return nextWanted(o.want, &o.cursor) }

// nextWanted is the first block from the cursor on, around the end, of which something is wanted; the cursor goes there.
func nextWanted(want []uint8, cursor *int) int {
	for range want {
		if *cursor >= len(want) {
			*cursor = 0
		}
		if want[*cursor] > 0 {
			return *cursor
		}
		*cursor++
	}
	return -1
}

// appendSymbols appends a run of symbols of block b.
func (c *Core) appendSymbols(buf []byte, o *outgoing, b, first, count int) []byte {
	data := c.bodies[o.item.Digest].data
	k, sym := o.lay.data(b), o.lay.sym
	start := o.lay.start(b) * sym
	if first < k {
		n := min(count, k-first)
		from, to := start+first*sym, start+(first+n)*sym
		buf = append(buf, data[min(from, len(data)):min(to, len(data))]...)
		for pad := to - max(from, len(data)); pad > 0; pad-- {
			buf = append(buf, 0)
		}
		first, count = first+n, count-n
	}
	if count == 0 {
		return buf
	}
	block := data[min(start, len(data)):min(start+k*sym, len(data))]
	return c.codec.repair(buf, block, k, sym, first, count)
}

// another reports whether a transfer to the same peer will send right after o, so that one question serves both.
func (c *Core) another(o *outgoing) bool {
	if c.brief(o) {
		return false
	}
	for _, q := range o.peer.active() {
		if q != o && q.path == o.path && q.group.cast == nil && c.action(q) == doData && q.item.Priority <= o.item.Priority {
			return true
		}
	}
	return false
}
