package link

// A question without an answer is asked again with symbols that the peer probably lacks: the frame that asked
// held some itself, and may be what got lost. A modem that has just sent a short frame waits longer for the channel,
// so a full one costs little time.
const (
	againLikely = 0.4  // symbols go with a question if it is as likely that they are of use
	againAlive  = 0.1  // and that chance loss explains the silence
	lossPrior   = 0.15 // of a neighbour that nothing is known of, as if so many frames had told:
	priorFrames = 4
)

// lossNow is the share of frames that get lost, as far as was seen.
func (pa *path) lossNow() float64 {
	return (pa.loss*pa.lossOf + lossPrior*priorFrames) / (pa.lossOf + priorFrames)
}

// askWithData lets a transfer whose question stays without an answer go on with one frame that asks.
func (c *Core) askWithData(o *outgoing) {
	if o.state != outPolled || o.group.cast != nil || o.unheard() || !o.path.port.shared() || !o.path.chance(o.tries) {
		return
	}
	if o.left == 0 {
		b := o.likelyShort()
		if b < 0 {
			return
		}
		o.add(b, even(int(o.need[b]), o.path.perFrame(o.lay)))
		o.cursor = b
	}
	o.state, o.burst, o.checked, o.again = outSending, 1, false, true
}

// add wants more of a block than was asked for.
func (o *outgoing) add(b, count int) {
	o.want[b] += uint8(count)
	o.left += count
}

// chance reports whether loss explains that so many questions in a row had no answer.
func (pa *path) chance(tries int) bool {
	arrives := 1 - pa.lossNow()
	silence := 1.0
	for range tries {
		silence *= 1 - arrives*arrives
	}
	return silence > againAlive
}

// likelyShort is the block that most probably lacks something of what was sent since the last word; -1: none does.
func (o *outgoing) likelyShort() int {
	loss := o.path.lossNow()
	per := o.path.perFrame(o.lay)
	best, most := -1, againLikely
	for b, need := range o.need {
		if need == 0 || b >= o.upto {
			continue
		}
		frames, sent := (int(need)+per-1)/per, (int(o.gave[b])+per-1)/per
		p := short(frames, sent, loss)
		if b == o.lastOf {
			asked := 1 / (2 - loss) // how likely it was the question that got lost
			p = asked*short(frames, sent-1, loss) + (1-asked)*short(frames-1, sent-1, loss)
		}
		if p > most {
			best, most = b, p
		}
	}
	return best
}

// short is the chance that of so many frames sent fewer than needed arrive.
func short(needed, sent int, loss float64) float64 {
	if sent < needed {
		return 1
	}
	sum, term := 0.0, 1.0 // term: that the first i arrive and the others do not
	for range sent {
		term *= loss
	}
	for i := range needed {
		sum += term
		term *= float64(sent-i) / float64(i+1) * (1 - loss) / loss
	}
	return sum
}
