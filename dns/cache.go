package dns

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// entry is one cached answer of any type, or the lack of one.
type entry struct {
	key       string
	texts     []string // TXT strings joined, or host names
	addrs     []netip.Addr
	mxs       []MX
	authentic bool
	err       error // wraps ErrNotFound for a negative entry
	expires   time.Time
}

// cost estimates the memory of an entry in bytes.
func (e *entry) cost() int {
	n := 200 + 2*len(e.key) // struct, list element, map slot, key
	for _, s := range e.texts {
		n += 16 + len(s)
	}
	for _, m := range e.mxs {
		n += 24 + len(m.Host)
	}
	return n + 32*len(e.addrs)
}

// cache is a least-recently-used map bounded in bytes. It is safe for
// concurrent use.
type cache struct {
	mu    sync.Mutex
	limit int
	used  int
	order *list.List // front is the most recently used; values are *entry
	byKey map[string]*list.Element
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), byKey: map[string]*list.Element{}}
}

// get returns the entry of key unless it has expired at now.
func (c *cache) get(key string, now time.Time) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.byKey[key]
	if el == nil {
		return nil
	}
	e := el.Value.(*entry)
	if !now.Before(e.expires) {
		c.remove(el)
		return nil
	}
	c.order.MoveToFront(el)
	return e
}

// put stores e and drops the entries that were used longest ago until all fit.
func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byKey[e.key]; old != nil {
		c.remove(old)
	}
	if e.cost() > c.limit {
		return
	}
	c.byKey[e.key] = c.order.PushFront(e)
	c.used += e.cost()
	for c.used > c.limit {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(el *list.Element) {
	e := el.Value.(*entry)
	c.order.Remove(el)
	delete(c.byKey, e.key)
	c.used -= e.cost()
}
