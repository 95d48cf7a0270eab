package gateway

import (
	"time"

	"packhorse/store"
)

// deleteLetter makes room in the inbox. Heads and contents go together.
func (c *Core) deleteLetter(now time.Time, e DeleteLetter) {
	list, err := c.lettersToDelete(e.ID)
	if err != nil || len(list) == 0 {
		c.answer(e.Token, 0, err)
		return
	}
	var ops []store.Op
	for _, l := range list {
		l.leaving = true
		ops = append(ops, store.Op{Kind: KindLetter, Key: l.Key, Delete: true}, store.Op{Kind: KindLetterBody, Key: l.Key, Delete: true})
	}
	c.persist(batch{ops: ops}, func(now time.Time, err error) {
		if err != nil {
			for _, l := range list {
				l.leaving = false
			}
			c.answer(e.Token, 0, storeError(err))
			return
		}
		for _, l := range list {
			c.box.drop(l.Key)
		}
		c.answer(e.Token, len(list), nil)
		c.openWaiting(now)
	})
}

// lettersToDelete are the letter of an id, or all that were read.
func (c *Core) lettersToDelete(id string) (list []*letterRecord, err error) {
	if id != "" {
		l, err := c.findLetter(id)
		return []*letterRecord{l}, err
	}
	for _, key := range sortedKeys(c.box.letters) {
		if l := c.box.letters[key]; !l.New {
			list = append(list, l)
		}
	}
	return list, nil
}

// drop forgets a letter that is no longer on disk.
func (b *box) drop(key string) {
	if l := b.letters[key]; l != nil {
		b.bytes -= int64(l.Size)
		delete(b.letters, key)
	}
}

// openWaiting opens as many parcels to the built-in endpoint as the inbox has room for, the most urgent first.
func (c *Core) openWaiting(now time.Time) {
	count, bytes := len(c.box.letters), c.box.bytes
	for _, x := range c.waitingFor(now, c.box.id()) {
		if count++; count > c.cfg.Limits.Letters {
			return
		}
		if bytes+int64(x.Size) > c.cfg.Limits.LetterBytes {
			continue
		}
		bytes += int64(x.Size)
		c.openLetter(now, x)
	}
}
