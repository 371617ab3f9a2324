// Package match finds which of a million indicators something seen is.
package match

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"foregate/intel"
	"foregate/intel/stix/pattern"
)

// Hit is an indicator that was found.
type Hit struct {
	Indicator intel.Node
	Seen      string   // what was found, as seen
	How       string   // "exact", "suffix", "network", "prefix", "pattern"
	Of        string   // whom or what it indicates
	Source    string   // who says so; the newest witness
	Witnesses int      // independent lineages
	Report    string   // whom the newest witness has it from, itself when from nobody
	Since     int      // days since it was last said to hold; −1 unknown
	Common    string   // the warninglist it stands in, "" for none
	Strength  float64  // 0 to 1: confidence and decay, all witnesses together
	Reports   []string // lineages, at most maxReports
}

const (
	// maxReports bounds the lineages that are named of one indicator.
	maxReports = 3
	// maxParents bounds the labels and path segments that are cut off one by one.
	maxParents = 32
	// faint is the strength below which an indicator says nothing any more.
	faint = 0.05
	// common is what an indicator keeps of its strength when it stands in a
	// warninglist: a shared host or a VPN exit is used by many.
	common = 0.1
)

// halfLife is how fast an indicator of a kind loses its worth: addresses change
// hands in weeks, names in months, a file's hash never.
func halfLife(k intel.Kind) float64 {
	switch k {
	case intel.IPv4, intel.IPv6, intel.URL:
		return 45
	case intel.Domain, intel.Email:
		return 365
	}
	return math.Inf(1)
}

// Set is what is known of indicators, safe for concurrent use: it can be changed
// while messages are looked at. A million take about 100 MB.
type Set struct {
	mu       sync.RWMutex
	seed     maphash.Seed
	shards   [shards]shard
	kinds    map[intel.Kind]uint8
	names    []intel.Kind      // by number
	count    [maxKinds + 1]int // statements by number of kind
	words    words
	nets     map[netip.Prefix]int32 // the first statement, in netShard
	netShard shard
	bits     []int // lengths of networks that occur, longest first
	warned   map[string]string
	warnNets map[netip.Prefix]string
	warnBits []int
	patterns patterns
}

// NewSet makes an empty one with room for n indicators. answers says which
// object paths of patterns a message can have; nil for none.
func NewSet(n int, answers func(path string) bool) *Set {
	s := &Set{
		seed: maphash.MakeSeed(), kinds: map[intel.Kind]uint8{}, words: words{ids: map[string]uint32{}}, nets: map[netip.Prefix]int32{},
		warned: map[string]string{}, warnNets: map[netip.Prefix]string{},
		patterns: patterns{answers: answers, compiled: map[string]*compiled{}, anchored: map[pattern.Anchor][]*compiled{}, paths: map[string]int{}},
	}
	for i := range s.shards {
		s.shards[i].grow(n / shards)
	}
	return s
}

// maxHeld bounds how many changes are made while messages wait for the set: some
// milliseconds' worth.
const maxHeld = 1000

// Apply takes assertions that something indicates something. Those taken back
// are removed, those that are there already and all others passed over.
func (s *Set) Apply(as ...intel.Assertion) {
	for part := range slices.Chunk(as, maxHeld) {
		s.mu.Lock()
		for i := range part {
			s.apply(&part[i])
		}
		s.mu.Unlock()
	}
}

func (s *Set) apply(a *intel.Assertion) {
	if a.Relation != intel.Indicates || !a.Subject.Kind.IsObservable() || len(a.Subject.Value) > intel.MaxValue {
		return
	}
	id := a.ID()
	e := entry{id: binary.LittleEndian.Uint64(id[:]), of: s.words.id(a.Object.Value), source: s.words.id(a.Source.Name), lineage: s.words.id(a.Source.Lineage()),
		kind: s.kind(a.Subject.Kind), last: day(a.First), until: day(a.Last), belief: float32(a.Confidence.Belief())}
	gone := !a.Retracted.IsZero()
	v := a.Subject.Value
	if a.Subject.Kind == intel.IPv4 || a.Subject.Kind == intel.IPv6 {
		if p, err := netip.ParsePrefix(v); err == nil {
			s.network(p, v, e, gone)
			return
		}
	}
	h, sum := s.shard(e.kind, v)
	changed, left := h.put(sum, v, e, gone)
	switch {
	case changed && gone:
		s.count[e.kind]--
	case changed:
		s.count[e.kind]++
	}
	if changed && a.Subject.Kind == intel.Pattern {
		if left {
			s.patterns.add(v)
		} else {
			s.patterns.remove(v)
		}
	}
}

func (s *Set) network(p netip.Prefix, v string, e entry, gone bool) {
	head, ok := s.nets[p]
	if !ok {
		head = none
	}
	now, changed := s.netShard.chain(head, v, e, gone)
	if !changed {
		return
	}
	if now == none {
		delete(s.nets, p)
		return
	}
	s.nets[p] = now
	if !slices.Contains(s.bits, p.Bits()) {
		s.bits = append(s.bits, p.Bits())
		slices.SortFunc(s.bits, func(x, y int) int { return y - x })
	}
}

// maxKinds is how many kinds are told apart; there are 20 observable ones.
const maxKinds = 255

func (s *Set) kind(k intel.Kind) uint8 {
	i, ok := s.kinds[k]
	if !ok {
		if len(s.names) > maxKinds {
			return maxKinds
		}
		i = uint8(len(s.names))
		s.kinds[k], s.names = i, append(s.names, k)
	}
	return i
}

func day(t time.Time) int32 {
	if t.IsZero() {
		return 0
	}
	return int32(max(1, t.Unix()/86400))
}

// Warn says that names, addresses or networks are common, by the name of the
// list that says so.
func (s *Set) Warn(list string, values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		v = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(v), "."))
		if p, err := netip.ParsePrefix(v); err == nil {
			s.warnNets[p.Masked()] = list
			if !slices.Contains(s.warnBits, p.Bits()) {
				s.warnBits = append(s.warnBits, p.Bits())
			}
			continue
		}
		s.warned[v] = list
	}
}

// Len is the number of statements in force.
func (s *Set) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := s.netShard.live
	for i := range s.shards {
		n += s.shards[i].live
	}
	return n
}

// Has says whether there is any indicator of a kind, networks apart.
func (s *Set) Has(k intel.Kind) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, ok := s.kinds[k]
	return ok && s.count[i] > 0
}

// find looks for a value of a kind.
func (s *Set) find(kind uint8, v string) (place, bool) {
	h, sum := s.shard(kind, v)
	i, ok := h.find(sum, kind, v)
	if !ok {
		return place{}, false
	}
	return place{h, h.table[i].head}, true
}

// Name finds a host name or one of its parent domains.
func (s *Set) Name(host string, now time.Time) (Hit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, known := s.kinds[intel.Domain]
	if !known {
		return Hit{}, false
	}
	rest := host
	for range maxParents {
		if i, ok := s.find(k, rest); ok {
			how := "exact"
			if rest != host {
				how = "suffix"
			}
			if h, ok := s.hit(i, host, how, s.commonName(rest), now); ok {
				return h, true
			}
		}
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			break
		}
		rest = rest[dot+1:]
		if !strings.Contains(rest, ".") {
			break
		}
	}
	return Hit{}, false
}

func (s *Set) commonName(name string) string {
	for range maxParents {
		if l, ok := s.warned[name]; ok {
			return l
		}
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return ""
		}
		name = name[dot+1:]
	}
	return ""
}

// Value finds a hash, a mail address or any other value of a kind exactly. It
// must be in the spelling of intel.Clean.
func (s *Set) Value(kind intel.Kind, v string, now time.Time) (Hit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, known := s.kinds[kind]
	if !known {
		return Hit{}, false
	}
	i, ok := s.find(k, v)
	if !ok {
		return Hit{}, false
	}
	return s.hit(i, v, "exact", s.warned[v], now)
}

// URL finds a URL exactly, or an indicator that ends in "/" and begins it. It
// must be in the spelling of intel.Clean.
func (s *Set) URL(u string, now time.Time) (Hit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k, known := s.kinds[intel.URL]
	if !known {
		return Hit{}, false
	}
	if i, ok := s.find(k, u); ok {
		if h, ok := s.hit(i, u, "exact", "", now); ok {
			return h, true
		}
	}
	begin := strings.Index(u, "://")
	if begin < 0 {
		return Hit{}, false
	}
	path := u
	if q := strings.IndexByte(path, '?'); q > 0 {
		if i, ok := s.find(k, path[:q]); ok { // the same page with another query
			if h, ok := s.hit(i, u, "prefix", "", now); ok {
				return h, true
			}
		}
		path = path[:q]
	}
	for range maxParents {
		slash := strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')
		if slash < begin+3 {
			break
		}
		path = path[:slash+1]
		if strings.Count(path[begin+3:], "/") < 2 {
			break // the bare host is the business of Name
		}
		if i, ok := s.find(k, path); ok {
			if h, ok := s.hit(i, u, "prefix", "", now); ok {
				return h, true
			}
		}
	}
	return Hit{}, false
}

// Addr finds an address or a network around it, the narrowest first.
func (s *Set) Addr(a netip.Addr, now time.Time) (Hit, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a = a.Unmap().WithZone("")
	kind := intel.IPv6
	if a.Is4() {
		kind = intel.IPv4
	}
	if k, known := s.kinds[kind]; known {
		text := a.String()
		if i, ok := s.find(k, text); ok {
			if h, ok := s.hit(i, text, "exact", s.commonAddr(a), now); ok {
				return h, true
			}
		}
	}
	for _, bits := range s.bits {
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if i, ok := s.nets[p]; ok {
			if h, ok := s.hit(place{&s.netShard, i}, a.String(), "network", s.commonAddr(a), now); ok {
				return h, true
			}
		}
	}
	return Hit{}, false
}

func (s *Set) commonAddr(a netip.Addr) string {
	if l, ok := s.warned[a.String()]; ok {
		return l
	}
	for _, bits := range s.warnBits {
		if p, err := a.Prefix(bits); err == nil {
			if l, ok := s.warnNets[p]; ok {
				return l
			}
		}
	}
	return ""
}

// hit puts together what all witnesses say of an indicator; false when it has
// expired or faded.
func (s *Set) hit(at place, seen, how, warned string, now time.Time) (Hit, bool) {
	today := day(now)
	first := &at.shard.entries[at.first]
	h := Hit{Seen: seen, How: how, Common: warned, Since: -1}
	life := halfLife(s.names[first.kind])
	doubt := 1.0
	for i := at.first; i != none; {
		e := &at.shard.entries[i]
		i = e.next
		lineage := s.words.list[e.lineage]
		if e.until > 0 && e.until < today || slices.Contains(h.Reports, lineage) {
			continue
		}
		age := -1
		strength := float64(e.belief)
		if e.last > 0 {
			age = max(0, int(today-e.last))
			strength *= math.Exp2(-float64(age) / life)
		}
		// Independent witnesses: what is left of the doubt of each.
		doubt *= 1 - min(strength, 0.95)
		if h.Of == "" || age >= 0 && (h.Since < 0 || age < h.Since) {
			h.Of, h.Source, h.Report, h.Since = s.words.list[e.of], s.words.list[e.source], lineage, age
		}
		h.Witnesses++
		if len(h.Reports) < maxReports {
			h.Reports = append(h.Reports, lineage)
		}
	}
	h.Strength = 1 - doubt
	if warned != "" {
		h.Strength *= common
	}
	if h.Witnesses == 0 || h.Strength < faint {
		return Hit{}, false
	}
	h.Indicator = intel.Node{Kind: s.names[first.kind], Value: string(at.shard.value(first))}
	return h, true
}
