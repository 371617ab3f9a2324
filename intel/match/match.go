// Package match finds which of a million indicators something seen is.
package match

import (
	"encoding/binary"
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

type entry struct {
	node    intel.Node
	of      string
	source  string
	lineage string
	id      uint64 // of the assertion, shortened
	last    int32  // day it was last said to hold; 0 unknown
	until   int32  // day it expires; 0 never
	belief  float32
	next    int32 // the next statement on the same indicator, −1 for none
}

// key is a value of one kind.
type key struct {
	value string
	kind  uint8
}

// Set is what is known of indicators, safe for concurrent use: it can be changed
// while messages are looked at.
type Set struct {
	mu       sync.RWMutex
	entries  []entry
	live     int
	kinds    map[intel.Kind]uint8
	values   map[key]int32 // names, mail addresses, URLs, hashes, patterns
	addrs    map[netip.Addr]int32
	nets     map[netip.Prefix]int32
	bits     []int // lengths of networks that occur, longest first
	warned   map[string]string
	warnNets map[netip.Prefix]string
	warnBits []int
	intern   map[string]string
	patterns patterns
}

// NewSet makes an empty one with room for n indicators. answers says which
// object paths of patterns a message can have; nil for none.
func NewSet(n int, answers func(path string) bool) *Set {
	return &Set{
		entries: make([]entry, 0, n), kinds: map[intel.Kind]uint8{}, values: make(map[key]int32, n), addrs: map[netip.Addr]int32{}, nets: map[netip.Prefix]int32{},
		warned: map[string]string{}, warnNets: map[netip.Prefix]string{}, intern: map[string]string{},
		patterns: patterns{answers: answers, compiled: map[string]*compiled{}, anchored: map[pattern.Anchor][]*compiled{}, paths: map[string]int{}},
	}
}

func (s *Set) same(t string) string {
	if u, ok := s.intern[t]; ok {
		return u
	}
	s.intern[t] = t
	return t
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
	if a.Relation != intel.Indicates || !a.Subject.Kind.IsObservable() {
		return
	}
	id := a.ID()
	e := entry{node: intel.Node{Kind: intel.Kind(s.same(string(a.Subject.Kind))), Value: a.Subject.Value}, id: binary.LittleEndian.Uint64(id[:]), of: s.same(a.Object.Value),
		source: s.same(a.Source.Name), lineage: s.same(a.Source.Lineage()), last: day(a.First), until: day(a.Last), belief: float32(a.Confidence.Belief()), next: -1}
	gone := !a.Retracted.IsZero()
	switch a.Subject.Kind {
	case intel.IPv4, intel.IPv6:
		if p, err := netip.ParsePrefix(a.Subject.Value); err == nil {
			if chain(s, s.nets, p, &e, gone) && !gone && !slices.Contains(s.bits, p.Bits()) {
				s.bits = append(s.bits, p.Bits())
				slices.SortFunc(s.bits, func(x, y int) int { return y - x })
			}
		} else if addr, err := netip.ParseAddr(a.Subject.Value); err == nil {
			chain(s, s.addrs, addr, &e, gone)
		}
	case intel.Pattern:
		k := key{a.Subject.Value, s.kind(a.Subject.Kind)}
		if chain(s, s.values, k, &e, gone) {
			if _, left := s.values[k]; left {
				s.patterns.add(a.Subject.Value)
			} else {
				s.patterns.remove(a.Subject.Value)
			}
		}
	default:
		chain(s, s.values, key{a.Subject.Value, s.kind(a.Subject.Kind)}, &e, gone)
	}
}

// maxKinds is how many kinds are told apart; there are 20 observable ones.
const maxKinds = 255

func (s *Set) kind(k intel.Kind) uint8 {
	i, ok := s.kinds[k]
	if !ok {
		i = uint8(min(len(s.kinds), maxKinds))
		s.kinds[k] = i
	}
	return i
}

// chain puts a statement before the others on the same thing, or takes it out.
// It says whether anything changed.
func chain[K comparable](s *Set, m map[K]int32, k K, e *entry, gone bool) bool {
	head, ok := m[k]
	if !ok {
		head = -1
	}
	before := int32(-1)
	for i := head; i >= 0; i = s.entries[i].next {
		if s.entries[i].id != e.id {
			before = i
			continue
		}
		if !gone {
			return false
		}
		next := s.entries[i].next
		switch {
		case before >= 0:
			s.entries[before].next = next
		case next >= 0:
			m[k] = next
		default:
			delete(m, k)
		}
		s.live--
		return true
	}
	if gone {
		return false
	}
	e.next = head
	m[k] = int32(len(s.entries))
	s.entries = append(s.entries, *e)
	s.live++
	return true
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
	return s.live
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
		if i, ok := s.values[key{rest, k}]; ok {
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
	i, ok := s.values[key{v, k}]
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
	if i, ok := s.values[key{u, k}]; ok {
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
		if i, ok := s.values[key{path[:q], k}]; ok { // the same page with another query
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
		if i, ok := s.values[key{path, k}]; ok {
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
	if i, ok := s.addrs[a]; ok {
		if h, ok := s.hit(i, a.String(), "exact", s.commonAddr(a), now); ok {
			return h, true
		}
	}
	for _, bits := range s.bits {
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if i, ok := s.nets[p]; ok {
			if h, ok := s.hit(i, a.String(), "network", s.commonAddr(a), now); ok {
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
func (s *Set) hit(i int32, seen, how, warned string, now time.Time) (Hit, bool) {
	today := day(now)
	h := Hit{Indicator: s.entries[i].node, Seen: seen, How: how, Common: warned, Since: -1}
	doubt := 1.0
	for ; i >= 0; i = s.entries[i].next {
		e := s.entries[i]
		if e.until > 0 && e.until < today || slices.Contains(h.Reports, e.lineage) {
			continue
		}
		age := -1
		strength := float64(e.belief)
		if e.last > 0 {
			age = max(0, int(today-e.last))
			strength *= math.Exp2(-float64(age) / halfLife(e.node.Kind))
		}
		// Independent witnesses: what is left of the doubt of each.
		doubt *= 1 - min(strength, 0.95)
		if h.Of == "" || age >= 0 && (h.Since < 0 || age < h.Since) {
			h.Of, h.Source, h.Report, h.Since = e.of, e.source, e.lineage, age
		}
		h.Witnesses++
		if len(h.Reports) < maxReports {
			h.Reports = append(h.Reports, e.lineage)
		}
	}
	h.Strength = 1 - doubt
	if warned != "" {
		h.Strength *= common
	}
	return h, h.Witnesses > 0 && h.Strength >= faint
}
