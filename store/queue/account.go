package queue

// accounts are counts by name. A name is in the table only as long as an item is charged to it, so the table has
// no more entries than there are items.
type accounts struct {
	byName map[string]uint32
	list   []account
	free   []uint32
}

type account struct {
	name string
	usage
	heads int
}

func newAccounts() accounts { return accounts{byName: map[string]uint32{}} }

// of finds an account, nil when nothing is charged to the name.
func (a *accounts) of(name string) *account {
	if n, ok := a.byName[name]; ok {
		return &a.list[n]
	}
	return nil
}

// open finds or makes an account for one more item.
func (a *accounts) open(name string) uint32 {
	n, ok := a.byName[name]
	if !ok {
		n = a.number()
		a.byName[name] = n
		a.list[n] = account{name: name}
	}
	a.list[n].heads++
	return n
}

func (a *accounts) number() uint32 {
	if last := len(a.free) - 1; last >= 0 {
		n := a.free[last]
		a.free = a.free[:last]
		return n
	}
	a.list = append(a.list, account{})
	return uint32(len(a.list) - 1)
}

// close ends what open began for one item.
func (a *accounts) close(n uint32) {
	x := &a.list[n]
	if x.heads--; x.heads > 0 {
		return
	}
	delete(a.byName, x.name)
	*x = account{}
	a.free = append(a.free, n)
}
