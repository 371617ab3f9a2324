package dns

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// reply is what one answer message says about a question.
type reply struct {
	entry entry
	ttl   time.Duration
	next  string // the alias to ask for when the message ends with one
}

// read takes the records for name from an answer, following the aliases in it.
// Records of other owners are ignored. An error means a malformed chain.
func read(m *mdns.Msg, name string, typ uint16) (reply, error) {
	r := reply{ttl: 1 << 62}
	asked := name
	for range maxChain {
		to := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if h.Class != mdns.ClassINET || !strings.EqualFold(host(h.Name), name) {
				continue
			}
			if alias, ok := rr.(*mdns.CNAME); ok && to == "" {
				to = strings.ToLower(host(alias.Target))
				r.ttl = min(r.ttl, seconds(h.Ttl))
				continue
			}
			if h.Rrtype == typ {
				r.ttl = min(r.ttl, seconds(h.Ttl))
				r.entry.add(rr)
			}
		}
		if len(r.entry.texts)+len(r.entry.addrs)+len(r.entry.mxs) > 0 {
			slices.SortStableFunc(r.entry.mxs, func(a, b MX) int { return cmp.Compare(a.Preference, b.Preference) })
			return r, nil
		}
		if to == "" {
			return r.missing(m, name, asked), nil
		}
		if _, err := canonical(to); err != nil {
			return reply{}, fmt.Errorf("alias of %s: %w", name, err)
		}
		name = to
	}
	return reply{}, fmt.Errorf("more than %d aliases", maxChain)
}

// missing ends a reply without records: the name does not exist, has no such
// record, or the message stops at an alias that is to be asked for.
func (r reply) missing(m *mdns.Msg, name, asked string) reply {
	soa := time.Duration(-1)
	for _, rr := range m.Ns {
		if s, ok := rr.(*mdns.SOA); ok {
			// RFC 2308 section 5: the lesser of the SOA's TTL and MINIMUM.
			soa = min(seconds(s.Hdr.Ttl), seconds(s.Minttl))
		}
	}
	if m.Rcode != mdns.RcodeNameError && name != asked && soa < 0 {
		r.next = name
		return r
	}
	// Without a SOA the absence must not be cached (RFC 2308 section 5); the
	// least time applies.
	r.ttl = min(r.ttl, max(soa, 0))
	r.entry.err = ErrNotFound
	if m.Rcode == mdns.RcodeNameError {
		r.entry.err = fmt.Errorf("%w: %w", ErrNXDomain, ErrNotFound)
	}
	return r
}

func seconds(ttl uint32) time.Duration {
	if ttl > 1<<31-1 { // RFC 2181 section 8: a TTL with the high bit set is zero
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// add appends the content of one record.
func (e *entry) add(rr mdns.RR) {
	switch rr := rr.(type) {
	case *mdns.TXT:
		var b strings.Builder
		for _, s := range rr.Txt {
			b.WriteString(plain(s))
		}
		e.texts = append(e.texts, b.String())
	case *mdns.PTR:
		e.texts = append(e.texts, host(rr.Ptr))
	case *mdns.MX:
		e.mxs = append(e.mxs, MX{Preference: rr.Preference, Host: host(rr.Mx)})
	case *mdns.A:
		if a, ok := netip.AddrFromSlice(rr.A); ok {
			e.addrs = append(e.addrs, a.Unmap())
		}
	case *mdns.AAAA:
		if a, ok := netip.AddrFromSlice(rr.AAAA); ok {
			e.addrs = append(e.addrs, a)
		}
	}
}
