package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"foregate/dns"
	"foregate/mail"
)

// The processing limits of RFC 7208 section 4.6.4.
const (
	maxTerms = 10 // mechanisms and modifiers that ask the DNS
	maxVoid  = 2  // answers without a record
	maxMX    = 10 // hosts of one mx
	maxPTR   = 10 // names of one ptr or %{p}
)

// evaluation is one run of check_host() with its includes and redirects.
type evaluation struct {
	ctx      context.Context
	resolver dns.Resolver
	ip       netip.Addr
	local    string // local part of the sender
	sender   string // domain of the sender
	helo     string
	receiver string
	now      func() time.Time

	terms     int
	void      int
	validated []string // names of the client that point back to it
	looked    bool     // validated has been filled
}

// outcome is what one record came to; exp is the exp= of that record, with
// the domain it belongs to.
type outcome struct {
	result    mail.Result
	mechanism string
	reason    string
	exp       macroString
	domain    string
}

// stop is an error that ends the evaluation with a result.
type stop struct {
	result mail.Result
	reason string
}

func (s stop) Error() string { return string(s.result) + ": " + s.reason }

func permError(format string, args ...any) error {
	return stop{mail.ResultPermError, fmt.Sprintf(format, args...)}
}

// dnsError turns a failed look-up into the result it has by RFC 7208 section
// 5: temperror. A message that has used up its queries has done so through
// records of its sender: that is exceeding a limit, permerror.
func dnsError(err error) error {
	if errors.Is(err, dns.ErrBudget) {
		return permError("more DNS queries than one message may cause")
	}
	return stop{mail.ResultTempError, err.Error()}
}

func ended(err error, domain string) outcome {
	var s stop
	if !errors.As(err, &s) {
		s = stop{mail.ResultTempError, err.Error()}
	}
	return outcome{result: s.result, reason: s.reason, domain: domain}
}

// checkHost evaluates the record of domain. Includes and redirects recurse; the
// term limit bounds them.
func (e *evaluation) checkHost(domain string) outcome {
	text, err := e.fetch(domain)
	if err != nil {
		return ended(err, domain)
	}
	if text == "" {
		return outcome{result: mail.ResultNone, reason: domain + " publishes no SPF record", domain: domain}
	}
	r, err := parseRecord(text)
	if err != nil {
		return ended(permError("record of %s: %v", domain, err), domain)
	}
	for _, d := range r.directives {
		match, err := e.matches(d, domain)
		if err != nil {
			o := ended(err, domain)
			o.mechanism = d.text
			return o
		}
		if match {
			return outcome{
				result:    qualified(d.qualifier),
				mechanism: d.text,
				reason:    fmt.Sprintf("%s of %s matches %s", d.text, domain, e.ip),
				exp:       r.exp,
				domain:    domain,
			}
		}
	}
	if r.hasRedirect {
		return e.redirect(r, domain)
	}
	// RFC 7208 section 4.7.
	return outcome{result: mail.ResultNeutral, reason: "nothing in the record of " + domain + " matches", domain: domain}
}

// fetch returns the SPF record of domain, "" when there is none (RFC 7208
// sections 4.4 and 4.5).
func (e *evaluation) fetch(domain string) (string, error) {
	a, err := e.resolver.TXT(e.ctx, domain)
	if errors.Is(err, dns.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", dnsError(err)
	}
	found := ""
	for _, txt := range a.Records {
		if !isRecord(txt) {
			continue
		}
		if found != "" {
			return "", permError("%s publishes several SPF records", domain)
		}
		found = txt
	}
	return found, nil
}

// redirect continues with another domain's record, whose exp= counts alone
// (RFC 7208 section 6.1).
func (e *evaluation) redirect(r record, domain string) outcome {
	term := "redirect=" + r.redirect.text
	if err := e.countTerm(); err != nil {
		return ended(err, domain)
	}
	target, err := e.target(r.redirect, domain)
	if err != nil {
		return ended(err, domain)
	}
	if _, ok := checkable(target); !ok {
		return ended(permError("%s names no domain", term), domain)
	}
	o := e.checkHost(target)
	if o.result == mail.ResultNone {
		return ended(permError("%s leads to no SPF record", term), domain)
	}
	return o
}

func qualified(q byte) mail.Result {
	switch q {
	case '-':
		return mail.ResultFail
	case '~':
		return mail.ResultSoftFail
	case '?':
		return mail.ResultNeutral
	}
	return mail.ResultPass
}

func (e *evaluation) countTerm() error {
	if e.terms++; e.terms > maxTerms {
		return permError("more than %d terms that ask the DNS", maxTerms)
	}
	return nil
}

// matches evaluates one mechanism (RFC 7208 section 5).
func (e *evaluation) matches(d directive, domain string) (bool, error) {
	switch d.kind {
	case kindAll:
		return true, nil
	case kindIP4, kindIP6:
		return d.network.Contains(e.ip), nil
	}
	if err := e.countTerm(); err != nil {
		return false, err
	}
	target := domain
	if len(d.domain.parts) > 0 {
		var err error
		if target, err = e.target(d.domain, domain); err != nil {
			return false, err
		}
	}
	switch d.kind {
	case kindInclude:
		return e.include(d, target)
	case kindExists:
		a, err := e.resolver.A(e.ctx, target) // A, whatever the client's family
		return len(a.Records) > 0, e.voidable(err)
	case kindA:
		return e.anyAddr(d, target)
	case kindMX:
		return e.anyMX(d, target)
	default:
		return e.anyName(target), nil
	}
}

// include matches when the other record passes; its other results but fail,
// softfail and neutral are errors here (RFC 7208 section 5.2).
func (e *evaluation) include(d directive, target string) (bool, error) {
	if _, ok := checkable(target); !ok {
		return false, permError("%s names no domain", d.text)
	}
	o := e.checkHost(target)
	switch o.result {
	case mail.ResultPass:
		return true, nil
	case mail.ResultFail, mail.ResultSoftFail, mail.ResultNeutral:
		return false, nil
	case mail.ResultNone:
		return false, permError("%s leads to no SPF record", d.text)
	}
	return false, stop{o.result, o.reason}
}

// voidable counts an empty answer and passes failures on.
func (e *evaluation) voidable(err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, dns.ErrNotFound) {
		return dnsError(err)
	}
	if e.void++; e.void > maxVoid {
		return permError("more than %d DNS answers without a record", maxVoid)
	}
	return nil
}

// addrs looks up the addresses of name in the client's family.
func (e *evaluation) addrs(name string) ([]netip.Addr, error) {
	look := e.resolver.AAAA
	if e.ip.Is4() {
		look = e.resolver.A
	}
	a, err := look(e.ctx, name)
	return a.Records, err
}

func (e *evaluation) within(d directive, addrs []netip.Addr) bool {
	bits := d.cidr6
	if e.ip.Is4() {
		bits = d.cidr4
	}
	for _, a := range addrs {
		if p, err := a.Prefix(bits); err == nil && p.Contains(e.ip) {
			return true
		}
	}
	return false
}

func (e *evaluation) anyAddr(d directive, target string) (bool, error) {
	addrs, err := e.addrs(target)
	if err != nil {
		return false, e.voidable(err)
	}
	return e.within(d, addrs), nil
}

// anyMX checks the addresses of the target's mail exchangers. The target's own
// address never stands in for a missing MX (RFC 7208 section 5.4). An
// exchanger without an address in the client's family is common (IPv4 only)
// and no empty answer of the term.
func (e *evaluation) anyMX(d directive, target string) (bool, error) {
	mxs, err := e.resolver.MX(e.ctx, target)
	if err != nil {
		return false, e.voidable(err)
	}
	if len(mxs.Records) > maxMX {
		return false, permError("%s has more than %d mail exchangers", target, maxMX)
	}
	for _, mx := range mxs.Records {
		if mx.Host == "" {
			continue // RFC 7505: the null MX
		}
		addrs, err := e.addrs(mx.Host)
		if err != nil && !errors.Is(err, dns.ErrNotFound) {
			return false, dnsError(err)
		}
		if e.within(d, addrs) {
			return true, nil
		}
	}
	return false, nil
}

// anyName tells whether a validated name of the client is target or below it
// (RFC 7208 section 5.5).
func (e *evaluation) anyName(target string) bool {
	for _, name := range e.names() {
		if under(name, target) {
			return true
		}
	}
	return false
}

// under tells whether name is domain or a subdomain of it.
func under(name, domain string) bool {
	name, domain = strings.ToLower(name), strings.ToLower(strings.TrimSuffix(domain, "."))
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// names returns the client's reverse names that point back to its address. A
// look-up that fails makes no match (RFC 7208 section 5.5). It asks once per
// check.
func (e *evaluation) names() []string {
	if e.looked {
		return e.validated
	}
	e.looked = true
	ptr, err := e.resolver.PTR(e.ctx, e.ip)
	if err != nil {
		return nil
	}
	for i, name := range ptr.Records {
		if i == maxPTR {
			break
		}
		addrs, err := e.addrs(name)
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if a == e.ip {
				e.validated = append(e.validated, name)
				break
			}
		}
	}
	return e.validated
}

// target expands a domain-spec to a name to ask for.
func (e *evaluation) target(m macroString, domain string) (string, error) {
	s, err := e.expand(m, domain)
	if err != nil {
		return "", err
	}
	return fitName(s), nil
}

// expand replaces the macros (RFC 7208 section 7). The result is bounded: a
// record of 16 KiB of macros over long values would otherwise grow a
// thousandfold.
func (e *evaluation) expand(m macroString, domain string) (string, error) {
	const maxExpanded = 64 << 10
	var b strings.Builder
	for _, p := range m.parts {
		if p.letter == 0 {
			b.WriteString(p.literal)
		} else {
			b.WriteString(p.transform(e.value(p.letter, domain)))
		}
		if b.Len() > maxExpanded {
			return "", permError("a macro expands to more than %d bytes", maxExpanded)
		}
	}
	return b.String(), nil
}

// value is the value of a macro letter (RFC 7208 section 7.2).
func (e *evaluation) value(letter byte, domain string) string {
	switch letter {
	case 's':
		return e.local + "@" + e.sender
	case 'l':
		return e.local
	case 'o':
		return e.sender
	case 'd':
		return domain
	case 'i':
		return dotted(e.ip)
	case 'p':
		return e.bestName(domain)
	case 'v':
		if e.ip.Is4() {
			return "in-addr"
		}
		return "ip6"
	case 'h':
		return e.helo
	case 'c':
		return e.ip.String()
	case 'r':
		if e.receiver == "" {
			return "unknown"
		}
		return e.receiver
	default: // 't'
		now := time.Now
		if e.now != nil {
			now = e.now
		}
		return strconv.FormatInt(now().Unix(), 10)
	}
}

// bestName is the p macro: the domain itself if it is validated, else a
// subdomain of it, else any validated name, else "unknown".
func (e *evaluation) bestName(domain string) string {
	best, rank := "unknown", 0
	for _, name := range e.names() {
		r := 1
		switch {
		case strings.EqualFold(name, domain):
			r = 3
		case under(name, domain):
			r = 2
		}
		if r > rank {
			best, rank = name, r
		}
	}
	return best
}

// explain fetches the text of exp=. Whatever is wrong with it, there is just
// no explanation (RFC 7208 section 6.2).
func (e *evaluation) explain(o outcome) string {
	const maxExplanation = 1000 // for an answer line and a log
	if len(o.exp.parts) == 0 {
		return ""
	}
	target, err := e.target(o.exp, o.domain)
	if err != nil {
		return ""
	}
	a, err := e.resolver.TXT(e.ctx, target)
	if err != nil || len(a.Records) != 1 || len(a.Records[0]) > maxRecord {
		return ""
	}
	var words []string
	for word := range strings.SplitSeq(a.Records[0], " ") { // explain-string: macro-strings and spaces
		m, err := parseMacros(word, true)
		if err != nil {
			return ""
		}
		text, err := e.expand(m, o.domain)
		if err != nil {
			return ""
		}
		words = append(words, text)
	}
	text := strings.Join(words, " ")
	if len(text) > maxExplanation {
		text = text[:maxExplanation]
	}
	return visible(text)
}

// visible replaces what could not stand in an SMTP answer: macros put bytes of
// the envelope into the text.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}
