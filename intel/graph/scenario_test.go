package graph

import (
	"fmt"
	"math/rand/v2"
	"time"

	"foregate/intel"
)

// scene is an edge list with campaigns of known operators among the names of
// strangers.
type scene struct {
	r       *rand.Rand
	as      []intel.Assertion
	owner   map[intel.Node]int // −1 for strangers and for what strangers share
	dated   bool
	words   map[intel.Kind]string // relation words, when not the usual ones
	day     int                   // when everything begins; campaigns set it
	ops     int
	strange int // how many strangers there are
	names   int
}

// kinds of scenes, each a way in which campaigns hang together or a way to be
// fooled. size is the number of strangers.
var sceneKinds = []struct {
	name string
	fill func(s *scene, size int)
}{
	{"rich: own addresses, certificates, registrants, name servers, kits", func(s *scene, size int) { s.strangers(size); s.each(size, s.rich) }},
	{"chain: each name shares one thing with the next", func(s *scene, size int) { s.strangers(size); s.each(size, s.chain) }},
	{"blocks: joined by one certificate of two names", func(s *scene, size int) { s.strangers(size); s.each(size, s.blocks) }},
	{"star: one thing in common and nothing else", func(s *scene, size int) { s.strangers(size); s.each(size, s.star) }},
	{"hidden: on hubs, tied by a few registrants and kits", func(s *scene, size int) { s.strangers(size); s.each(size, s.hidden) }},
	{"friends: campaigns meet at popular nodes", func(s *scene, size int) { s.strangers(size); s.friends(size) }},
	{"reuse: strangers and campaigns had the address before", func(s *scene, size int) { s.strangers(size); s.reuse(size) }},
	{"tail: hosts of two to fifteen strangers", func(s *scene, size int) { s.strangers(size); s.tail(size); s.each(size, s.rich) }},
	{"guests: campaigns on hacked hosts of strangers", func(s *scene, size int) { s.strangers(size); s.each(size, s.guests) }},
	{"harbour: campaigns at one small provider", func(s *scene, size int) { s.strangers(size); s.harbour(size) }},
	{"undated: no times, other words for relations", func(s *scene, size int) { s.undated(); s.strangers(size); s.each(size, s.rich) }},
	{"mixed: all of them", func(s *scene, size int) {
		s.strangers(size)
		s.tail(size / 4)
		for _, f := range []func(){s.rich, s.chain, s.blocks, s.star, s.hidden, s.guests} {
			for range max(1, size/400) {
				s.begin()
				f()
			}
		}
		s.friends(size / 4)
		s.reuse(size / 4)
		s.harbour(size / 4)
	}},
}

func newScene(kind int, seed uint64, size int) *scene {
	s := &scene{r: rand.New(rand.NewPCG(seed, uint64(kind)+100)), owner: map[intel.Node]int{}, dated: true}
	sceneKinds[kind].fill(s, size)
	s.r.Shuffle(len(s.as), func(i, j int) { s.as[i], s.as[j] = s.as[j], s.as[i] })
	return s
}

func (s *scene) undated() {
	s.dated = false
	s.words = map[intel.Kind]string{intel.IPv4: "hosted_on", intel.Certificate: "uses-cert", intel.Registrant: "registrant", intel.NameServer: "ns", intel.Kit: "uses"}
}

func (s *scene) say(name string, kind intel.Kind, value string, from, to int) {
	rel := map[intel.Kind]intel.Relation{intel.IPv4: intel.ResolvesTo, intel.Certificate: intel.UsesCert, intel.Registrant: intel.RegisteredBy, intel.NameServer: intel.UsesNS, intel.Kit: "serves", "name-pattern": "matches"}[kind]
	if w := s.words[kind]; w != "" {
		rel = intel.Relation(w)
	}
	a := intel.Assertion{Subject: intel.Node{Kind: intel.Domain, Value: name}, Relation: rel, Object: intel.Node{Kind: kind, Value: value}}
	if s.dated {
		at := func(n int) time.Time { return time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }
		a.First, a.Last = at(from), at(max(from, to))
	}
	s.as = append(s.as, a)
}

func (s *scene) own(kind intel.Kind, value string) {
	s.owner[intel.Node{Kind: kind, Value: value}] = s.ops - 1
}

// name makes a new name of the operator at hand, or of a stranger.
func (s *scene) name(op int) string {
	s.names++
	words := []string{"mail", "login", "secure", "portal", "cloud", "news", "shop", "blue", "green", "data", "office", "media", "garden", "travel", "auto", "art"}
	n := fmt.Sprintf("%s-%s%d.%s", words[s.r.IntN(len(words))], words[s.r.IntN(len(words))], s.names, []string{"com", "net", "org", "info"}[s.r.IntN(4)])
	s.owner[intel.Node{Kind: intel.Domain, Value: n}] = op
	return n
}

func (s *scene) zipf(n int) int { // 0 is the most popular
	return int(rand.NewZipf(s.r, 1.2, 3, uint64(n-1)).Uint64())
}

// crowd puts a name on what everybody shares.
func (s *scene) crowd(name string, from, to, size int) {
	hosts := max(2, size/120)
	switch s.r.IntN(10) {
	case 0: // a delivery network: several addresses, a certificate for many
		p := s.r.IntN(1 + min(1, size/1000))
		for range 2 + s.r.IntN(3) {
			s.say(name, intel.IPv4, fmt.Sprintf("104.16.%d.%d", p, s.r.IntN(max(1, min(12, size/300)))), from, to)
		}
		if s.r.IntN(3) == 0 && size >= 1000 {
			s.say(name, intel.Certificate, fmt.Sprintf("%064x", 7000+s.r.IntN(max(1, size/1500))), from, to)
		}
	case 1: // parked for a while
		s.say(name, intel.IPv4, fmt.Sprintf("185.53.177.%d", s.r.IntN(1+min(1, size/1000))), from, to)
	default:
		h := s.zipf(hosts)
		s.say(name, intel.IPv4, fmt.Sprintf("203.0.%d.%d", h/250, h%250), from, to)
	}
	if s.r.IntN(3) > 0 {
		p := s.zipf(max(2, size/250))
		for i := range 2 {
			s.say(name, intel.NameServer, fmt.Sprintf("ns%d.provider%d.net", i+1, p), from, to)
		}
	}
	if s.r.IntN(3) == 0 {
		s.say(name, intel.Registrant, fmt.Sprintf("agent%d@registrar.example.org", s.zipf(max(2, size/500))), from, to)
	}
	if s.r.IntN(25) == 0 && size >= 1000 { // an exit of a tunnel, from where it was run
		s.say(name, intel.IPv4, fmt.Sprintf("45.83.%d.%d", 0, s.r.IntN(max(1, size/1500))), from, to)
	}
}

// span is the time of a name of the operator at hand.
func (s *scene) span() (from, to int) {
	from = s.day + s.r.IntN(150)
	return from, from + 20 + s.r.IntN(150)
}

func (s *scene) begin() {
	s.ops++
	s.day = s.r.IntN(2500)
}

func (s *scene) each(size int, campaign func()) {
	for range max(2, size/120) {
		s.begin()
		campaign()
	}
}

// strangers have names on hubs; some have things of their own.
func (s *scene) strangers(n int) {
	s.strange = n
	for i := range n {
		name := s.name(-1)
		from := s.r.IntN(2500)
		to := from + 100 + s.r.IntN(900)
		s.crowd(name, from, to, n)
		if s.r.IntN(4) == 0 {
			s.say(name, intel.IPv4, fmt.Sprintf("198.18.%d.%d", i/250, i%250), from, to)
		}
		if s.r.IntN(3) == 0 {
			s.say(name, intel.Certificate, fmt.Sprintf("%064x", 1_000_000+i), from, to)
		}
		if s.r.IntN(6) == 0 {
			s.say(name, intel.Registrant, fmt.Sprintf("owner%d@mail.example.org", i), from, to)
		}
	}
}

// size of a campaign: mostly small, seldom up to 200.
func (s *scene) size(least int) int {
	return min(200, least+int(s.r.ExpFloat64()*float64(6+s.r.IntN(12))))
}

func (s *scene) addr(i int) string {
	return fmt.Sprintf("192.%d.%d.%d", 2+i, s.ops/250, s.ops%250)
}
func (s *scene) cert(i int) string { return fmt.Sprintf("%064x", 50_000_000+s.ops*1000+i) }
func (s *scene) person(i int) string {
	return fmt.Sprintf("person%d.%d@mail.example.org", s.ops, i)
}
func (s *scene) kit(i int) string { return fmt.Sprintf("kit-%d-%d", s.ops, i) }

func (s *scene) use(name string, kind intel.Kind, value string, from, to int) {
	s.say(name, kind, value, from, to)
	s.own(kind, value)
}

func (s *scene) rich() {
	addresses, certs, people := 1+s.r.IntN(3), 1+s.r.IntN(2), 1
	ns, kit, pattern := s.r.IntN(4) == 0, s.r.IntN(3) == 0, s.r.IntN(5) == 0
	for range s.size(3) {
		name := s.name(s.ops - 1)
		from, to := s.span()
		if s.r.IntN(4) > 0 {
			s.use(name, intel.IPv4, s.addr(s.r.IntN(addresses)), from, to)
		} else {
			s.crowd(name, from, to, s.strange)
		}
		if s.r.IntN(2) == 0 {
			s.use(name, intel.Certificate, s.cert(s.r.IntN(certs)), from, to)
		}
		if s.r.IntN(3) == 0 {
			s.use(name, intel.Registrant, s.person(s.r.IntN(people)), from, to)
		}
		if ns && s.r.IntN(2) == 0 {
			s.use(name, intel.NameServer, fmt.Sprintf("ns1.own%d.net", s.ops), from, to)
		}
		if kit && s.r.IntN(2) == 0 {
			s.use(name, intel.Kit, s.kit(0), from, to)
		}
		if pattern {
			s.use(name, "name-pattern", fmt.Sprintf("pattern-%d", s.ops), from, to)
		}
	}
}

func (s *scene) chain() {
	last := ""
	var lf, lt int
	for i := range s.size(3) {
		name := s.name(s.ops - 1)
		from, to := s.span()
		s.crowd(name, from, to, s.strange)
		if last != "" {
			// Both have it at one time.
			kind, value := intel.IPv4, s.addr(i)
			switch s.r.IntN(4) {
			case 1:
				kind, value = intel.Certificate, s.cert(i)
			case 2:
				kind, value = intel.Registrant, s.person(i)
			case 3:
				kind, value = intel.Kit, s.kit(i)
			}
			s.use(last, kind, value, min(lf, from), max(lt, to))
			s.use(name, kind, value, from, to)
		}
		last, lf, lt = name, from, to
	}
}

func (s *scene) blocks() {
	prev := ""
	for b := range 2 + s.r.IntN(4) {
		first := ""
		for range 3 + s.r.IntN(8) {
			name := s.name(s.ops - 1)
			from, to := s.span()
			s.use(name, intel.IPv4, s.addr(b), from, to)
			if s.r.IntN(3) == 0 {
				s.use(name, intel.Registrant, s.person(b), from, to)
			}
			if first == "" {
				first = name
			}
			if s.r.IntN(2) == 0 {
				s.crowd(name, from, to, s.strange)
			}
		}
		if prev != "" {
			s.use(prev, intel.Certificate, s.cert(b), s.day, s.day+200)
			s.use(first, intel.Certificate, s.cert(b), s.day+50, s.day+200)
		}
		prev = first
	}
}

func (s *scene) star() {
	kind := []intel.Kind{intel.IPv4, intel.Certificate, intel.Registrant, intel.Kit, "name-pattern"}[s.r.IntN(5)]
	value := map[intel.Kind]string{intel.IPv4: s.addr(0), intel.Certificate: s.cert(0), intel.Registrant: s.person(0), intel.Kit: s.kit(0), "name-pattern": fmt.Sprintf("pattern-%d", s.ops)}[kind]
	for range s.size(3) {
		name := s.name(s.ops - 1)
		from, to := s.span()
		s.use(name, kind, value, from, to)
		if kind != intel.IPv4 {
			s.crowd(name, from, to, s.strange)
		}
	}
}

func (s *scene) hidden() {
	n := s.size(4)
	for range n {
		name := s.name(s.ops - 1)
		from, to := s.span()
		s.crowd(name, from, to, s.strange)
		if s.r.IntN(3) > 0 {
			s.use(name, intel.Registrant, s.person(s.r.IntN(1+n/6)), from, to)
		}
		if s.r.IntN(2) == 0 {
			s.use(name, intel.Kit, s.kit(s.r.IntN(1+n/8)), from, to)
		}
	}
}

// friends are pairs of campaigns and strangers at nodes of 30 to 300 names.
func (s *scene) friends(size int) {
	for p := range max(1, size/400) {
		popular := fmt.Sprintf("100.64.%d.%d", s.ops/250, p)
		for range 30 + s.r.IntN(min(270, size/4+1)) {
			from := s.r.IntN(2500)
			s.say(s.name(-1), intel.IPv4, popular, from, from+100+s.r.IntN(600))
		}
		for range 2 + s.r.IntN(2) {
			s.begin()
			first := s.names
			s.rich()
			// About a third of the campaign's names were there too.
			for _, n := range s.since(first) {
				if s.r.IntN(3) == 0 {
					from, to := s.span()
					s.say(n, intel.IPv4, popular, from, to)
				}
			}
		}
	}
}

// since gives the names that were made after the first n, in order.
func (s *scene) since(n int) []string {
	seen := map[string]bool{}
	var out []string
	for i := len(s.as) - 1; i >= 0; i-- {
		v := s.as[i].Subject.Value
		var num int
		for k := 0; k < len(v); k++ {
			if v[k] >= '0' && v[k] <= '9' {
				num = num*10 + int(v[k]-'0')
			}
		}
		if num <= n {
			break
		}
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

func (s *scene) reuse(size int) {
	for range max(2, size/200) {
		s.begin()
		s.rich()
		address := s.addr(0)
		day := s.day
		for _, shift := range []int{-900, 800, 1500} {
			if s.r.IntN(3) == 0 { // another campaign had it
				s.begin()
				s.day = day + shift
				first := s.names
				s.rich()
				for _, n := range s.since(first) {
					if s.r.IntN(2) == 0 {
						from, to := s.span()
						s.say(n, intel.IPv4, address, from, to)
					}
				}
				continue
			}
			name := s.name(-1)
			s.say(name, intel.IPv4, address, day+shift, day+shift+100)
			s.crowd(name, day+shift, day+shift+100, s.strange)
		}
		delete(s.owner, intel.Node{Kind: intel.IPv4, Value: address})
	}
}

// tail are hosts of few strangers, who have nothing else in common.
func (s *scene) tail(size int) {
	for h := range max(2, size/25) {
		address := fmt.Sprintf("172.16.%d.%d", h/250, h%250)
		for range 2 + int(s.r.ExpFloat64()*4) {
			name := s.name(-1)
			from := s.r.IntN(2500)
			to := from + 100 + s.r.IntN(900)
			s.say(name, intel.IPv4, address, from, to)
			s.crowd(name, from, to, s.strange)
			if s.r.IntN(3) == 0 {
				s.say(name, intel.Certificate, fmt.Sprintf("%064x", 2_000_000+s.names), from, to)
			}
		}
	}
}

func (s *scene) guests() {
	first := s.names
	s.rich()
	host := fmt.Sprintf("10.99.%d.%d", s.ops/250, s.ops%250)
	for range 3 + s.r.IntN(20) { // who were there all the time
		name := s.name(-1)
		from := s.day - s.r.IntN(800)
		s.say(name, intel.IPv4, host, from, s.day+100+s.r.IntN(800))
		if s.r.IntN(2) == 0 {
			s.crowd(name, from, s.day+100, s.strange)
		}
	}
	for _, n := range s.since(first) {
		if s.owner[intel.Node{Kind: intel.Domain, Value: n}] >= 0 && s.r.IntN(4) == 0 {
			from, to := s.span()
			s.say(n, intel.IPv4, host, from, to)
		}
	}
}

// harbour is a provider that several campaigns and some strangers rent from.
func (s *scene) harbour(size int) {
	for h := range max(1, size/400) {
		pool := func() string { return fmt.Sprintf("10.66.%d.%d", h, s.r.IntN(6)) }
		ns := fmt.Sprintf("ns1.harbour%d-%d.net", h, size)
		day := s.r.IntN(2500)
		for range 20 {
			name := s.name(-1)
			from := day - 200 + s.r.IntN(500)
			s.say(name, intel.IPv4, pool(), from, from+100)
			s.say(name, intel.NameServer, ns, from, from+100)
		}
		for range 3 {
			s.begin()
			s.day = day + s.r.IntN(100)
			first := s.names
			s.rich()
			for _, n := range s.since(first) {
				from, to := s.span()
				s.say(n, intel.IPv4, pool(), from, to)
				s.say(n, intel.NameServer, ns, from, to)
			}
		}
	}
}

// marks are how well clusters find the campaigns of a scene.
type marks struct {
	joined, right, all int     // pairs
	bp, br             float64 // sums of B-cubed precision and recall
	np, nr             int
}

func (m *marks) add(o marks) {
	m.joined, m.right, m.all = m.joined+o.joined, m.right+o.right, m.all+o.all
	m.bp, m.br, m.np, m.nr = m.bp+o.bp, m.br+o.br, m.np+o.np, m.nr+o.nr
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 1
	}
	return a / b
}

func (m marks) String() string {
	return fmt.Sprintf("pairs P %.3f R %.3f  B-cubed P %.3f R %.3f", ratio(float64(m.right), float64(m.joined)), ratio(float64(m.right), float64(m.all)), ratio(m.bp, float64(m.np)), ratio(m.br, float64(m.nr)))
}

// score compares clusters with the operators, over names only or over all nodes
// of which the owner is known. B-cubed precision is over what is in a cluster,
// recall over what is in a campaign.
func (s *scene) score(clusters []Cluster, namesOnly bool) marks {
	var m marks
	sizes := map[int]int{}
	for n, op := range s.owner {
		if op >= 0 && (!namesOnly || n.Kind == intel.Domain) {
			sizes[op]++
		}
	}
	for _, n := range sizes {
		m.all += n * (n - 1) / 2
		m.nr += n
		m.br++ // each finds itself: n times 1/n
	}
	for _, c := range clusters {
		count := map[int]int{}
		n := 0
		for _, x := range c.Nodes {
			op, known := s.owner[x]
			if !known && (x.Kind == intel.Domain || namesOnly) || namesOnly && x.Kind != intel.Domain {
				continue
			}
			if !known {
				op = -1 // what strangers share, or have for themselves
			}
			n++
			if op < 0 {
				op = -n // each stranger is alone
			}
			count[op]++
		}
		m.joined += n * (n - 1) / 2
		m.np += n
		for op, k := range count {
			m.bp += float64(k) * float64(k) / float64(n)
			if op >= 0 {
				m.right += k * (k - 1) / 2
				m.br += float64(k)*float64(k)/float64(sizes[op]) - float64(k)/float64(sizes[op])
			}
		}
	}
	return m
}

// oracle clusters by what belongs to operators alone: no method can find more
// pairs.
func (s *scene) oracle() []Cluster {
	b := NewBuilder(0, 0)
	for _, a := range s.as {
		op, ok := s.owner[a.Object]
		if ok && op >= 0 && s.owner[a.Subject] == op {
			b.Add(a)
		}
	}
	g := b.Graph()
	u := &sets{}
	for i := range g.nodes {
		u.copyOf(int32(i))
	}
	for _, e := range g.edges {
		u.union(e.from, e.to)
	}
	by := map[int32]*Cluster{}
	var out []Cluster
	for i, n := range g.nodes {
		r := u.find(int32(i))
		if by[r] == nil {
			by[r] = &Cluster{}
		}
		by[r].Nodes = append(by[r].Nodes, n)
	}
	for _, c := range by {
		out = append(out, *c)
	}
	return out
}
