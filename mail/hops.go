package mail

import (
	"strings"

	"foregate/mail/internal/header"
)

// hops cuts the header block into hops: bottom-up, each hop is the fields up to
// and including its Received (or X-Received) field; the last one holds the
// fields above the newest.
func (p *builder) hops() {
	h := &p.m.Headers
	h.Hops = []Hop{}
	if len(p.fields) == 0 {
		return
	}
	trace := traceSet{domains: map[string]bool{}, ips: map[string]bool{}}
	hop := Hop{Fields: []HopField{}}
	for i := len(p.fields) - 1; i >= 0; i-- {
		f := &p.fields[i]
		v := header.DecodeWords(f.Value())
		hop.Fields = append(hop.Fields, HopField{Name: utf8Text(f.Name), Position: len(p.fields) - 1 - i, Value: v})
		p.hopField(&hop, f.Key, v)
		if f.Key != "received" && f.Key != "x-received" {
			continue
		}
		hop.Received = parseReceived(v)
		trace.add(h, hop.Received)
		if len(h.Hops) >= maxHops {
			p.defect(defectReceivedBound, v, f.Offset)
			continue
		}
		h.Hops = append(h.Hops, hop)
		hop = Hop{Index: len(h.Hops), Fields: []HopField{}}
	}
	if len(hop.Fields) > 0 {
		h.Hops = append(h.Hops, hop)
	}
}

// hopField reads the authentication fields of a hop. Of several of one kind the
// one nearest to the body counts: it was there first.
func (p *builder) hopField(hop *Hop, key, v string) {
	switch key {
	case "received-spf":
		if hop.ReceivedSPF == nil {
			hop.ReceivedSPF = parseReceivedSPF(v)
		}
	case "authentication-results":
		if hop.AuthenticationResults == nil || hop.AuthenticationResults.Type == "arc" {
			hop.AuthenticationResults = parseAuthResults(v, "standard")
		}
	case "arc-authentication-results":
		if hop.AuthenticationResults == nil {
			hop.AuthenticationResults = parseAuthResults(v, "arc")
		}
	case "dkim-signature":
		if hop.Signature == nil || hop.Signature.Type != "dkim" {
			hop.Signature = parseSignature(v, "dkim")
		}
	case "arc-message-signature":
		if hop.Signature == nil {
			hop.Signature = parseSignature(v, "arc")
		}
	}
}

// traceSet gathers the names and addresses of trace fields.
type traceSet struct{ domains, ips map[string]bool }

// maxTrace bounds Headers.Domains and Headers.IPs.
const maxTrace = 500

func (t *traceSet) add(h *Headers, r *Received) {
	if r == nil {
		return
	}
	for _, c := range []*RawClause{r.Source, r.Server, r.Mailbox} {
		if c == nil {
			continue
		}
		for w := range strings.FieldsFuncSeq(c.Raw, traceGap) {
			t.word(h, w)
		}
	}
}

// traceGap tells what stands between the names and addresses of trace fields.
func traceGap(r rune) bool {
	switch r {
	case ' ', '\t', '(', ')', '[', ']', '<', '>', ',', ';', '@', '=', '"', '\'':
		return true
	}
	return false
}

func (t *traceSet) word(h *Headers, w string) {
	w = strings.TrimRight(w, ".")
	if ip := toIP(w); ip != nil {
		if !t.ips[ip.IP] && len(h.IPs) < maxTrace {
			t.ips[ip.IP] = true
			h.IPs = append(h.IPs, *ip)
		}
		return
	}
	if !strings.Contains(w, ".") || len(w) > 253 {
		return
	}
	d := NewDomain(w)
	if d.Valid && d.RootDomain != "" && !t.domains[d.Domain] && len(h.Domains) < maxTrace {
		t.domains[d.Domain] = true
		h.Domains = append(h.Domains, d)
	}
}
