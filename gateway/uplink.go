package gateway

import "time"

func (c *Core) registered(now time.Time, e Registered)     { c.answer(e.Token, nil, errNotBuilt) }
func (c *Core) unregister(now time.Time, e Unregister)     { c.answer(e.Token, nil, errNotBuilt) }
func (c *Core) fromInternet(now time.Time, e FromInternet) { c.answer(e.Token, nil, errNotBuilt) }
func (c *Core) makeCCA(now time.Time, e MakeCCA)           { c.answer(e.Token, nil, errNotBuilt) }
func (c *Core) makeCargo(now time.Time, e MakeCargo)       { c.answer(e.Token, nil, errNotBuilt) }
func (c *Core) deauthorise(now time.Time, e Deauthorise)   { c.answer(e.Token, nil, errNotBuilt) }

// carry opens what is for us and holds the rest.
func (c *Core) carry(now time.Time, e Carry) { c.answer(e.Token, nil, errNotBuilt) }
