// Package match finds which of a million indicators something seen is.
package match

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"foregate/intel"
)

// Hit is an indicator that was found.
type Hit struct {
	Indicator intel.Node
	Seen      string   // what was found, as seen
	How       string   // "exact", "suffix", "network", "prefix"
	Of        string   // whom or what it indicates
	Source    string   // who says so; the newest witness
	Witnesses int      // independent lineages
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
	last    int32 // day it was last said to hold; 0 unknown
	until   int32 // day it expires; 0 never
	belief  float32
	next    int32 // the next statement on the same indicator, −1 for none
}

// Set is an immutable set of indicators, safe for concurrent use.
type Set struct {
	entries  []entry
	values   map[string]int32 // names, mail addresses, URLs, hashes
	addrs    map[netip.Addr]int32
	nets     map[netip.Prefix]int32
	bits     []int // lengths of networks that occur, longest first
	warned   map[string]string
	warnNets map[netip.Prefix]string
	warnBits []int
}

// Builder makes a Set.
type Builder struct {
	s      *Set
	intern map[string]string
}

// NewBuilder makes one with room for n indicators.
func NewBuilder(n int) *Builder {
	return &Builder{intern: map[string]string{}, s: &Set{
		entries: make([]entry, 0, n), values: make(map[string]int32, n), addrs: map[netip.Addr]int32{}, nets: map[netip.Prefix]int32{},
		warned: map[string]string{}, warnNets: map[netip.Prefix]string{},
	}}
}

func (b *Builder) same(s string) string {
	if t, ok := b.intern[s]; ok {
		return t
	}
	b.intern[s] = s
	return s
}

// Add takes an assertion that something indicates something; others and those
// taken back are passed over.
func (b *Builder) Add(a intel.Assertion) {
	if a.Relation != intel.Indicates || !a.Subject.Kind.IsObservable() || !a.Retracted.IsZero() {
		return
	}
	e := entry{node: a.Subject, of: b.same(a.Object.Value), source: b.same(a.Source.Name), lineage: b.same(a.Source.Lineage()),
		last: day(a.First), until: day(a.Last), belief: float32(a.Confidence.Belief()), next: -1}
	i := int32(len(b.s.entries))
	switch a.Subject.Kind {
	case intel.IPv4, intel.IPv6:
		if p, err := netip.ParsePrefix(a.Subject.Value); err == nil {
			chain(b.s.nets, p, &e, i)
			if !slices.Contains(b.s.bits, p.Bits()) {
				b.s.bits = append(b.s.bits, p.Bits())
			}
		} else if addr, err := netip.ParseAddr(a.Subject.Value); err == nil {
			chain(b.s.addrs, addr, &e, i)
		} else {
			return
		}
	default:
		chain(b.s.values, a.Subject.Value, &e, i)
	}
	b.s.entries = append(b.s.entries, e)
}

func chain[K comparable](m map[K]int32, k K, e *entry, i int32) {
	if old, ok := m[k]; ok {
		e.next = old
	}
	m[k] = i
}

func day(t time.Time) int32 {
	if t.IsZero() {
		return 0
	}
	return int32(max(1, t.Unix()/86400))
}

// Warn says that names, addresses or networks are common, by the name of the
// list that says so.
func (b *Builder) Warn(list string, values []string) {
	for _, v := range values {
		v = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(v), "."))
		if p, err := netip.ParsePrefix(v); err == nil {
			b.s.warnNets[p.Masked()] = list
			if !slices.Contains(b.s.warnBits, p.Bits()) {
				b.s.warnBits = append(b.s.warnBits, p.Bits())
			}
			continue
		}
		b.s.warned[v] = list
	}
}

// Set freezes what was added; the builder must not be used afterwards.
func (b *Builder) Set() *Set {
	slices.SortFunc(b.s.bits, func(x, y int) int { return y - x })
	return b.s
}

// Len is the number of statements.
func (s *Set) Len() int { return len(s.entries) }

// Name finds a host name or one of its parent domains.
func (s *Set) Name(host string, now time.Time) (Hit, bool) {
	rest := host
	for range maxParents {
		if i, ok := s.values[rest]; ok && s.entries[i].node.Kind == intel.Domain {
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

// Value finds a hash, a mail address or any other value exactly. It must be in
// the spelling of intel.Clean.
func (s *Set) Value(v string, now time.Time) (Hit, bool) {
	i, ok := s.values[v]
	if !ok {
		return Hit{}, false
	}
	return s.hit(i, v, "exact", s.warned[v], now)
}

// URL finds a URL exactly, or an indicator that ends in "/" and begins it. It
// must be in the spelling of intel.Clean.
func (s *Set) URL(u string, now time.Time) (Hit, bool) {
	if i, ok := s.values[u]; ok {
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
		if i, ok := s.values[path[:q]]; ok { // the same page with another query
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
		if i, ok := s.values[path]; ok {
			if h, ok := s.hit(i, u, "prefix", "", now); ok {
				return h, true
			}
		}
	}
	return Hit{}, false
}

// Addr finds an address or a network around it, the narrowest first.
func (s *Set) Addr(a netip.Addr, now time.Time) (Hit, bool) {
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
			h.Of, h.Source, h.Since = e.of, e.source, age
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
