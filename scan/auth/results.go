package auth

import (
	"strings"

	"foregate/mail"
	"foregate/scan/auth/arc"
	"foregate/scan/auth/dmarc"
)

// maxResults bounds the results read from one Authentication-Results field.
const maxResults = 50

// methodResult is one result of an Authentication-Results field.
type methodResult struct {
	method string
	result mail.Result
	props  map[string]string // "header.from" → value
}

// parseResults reads a value of RFC 8601 behind its authserv-id. What does not
// fit the grammar is left out.
func parseResults(value string) []methodResult {
	_, rest, ok := cutUnquoted(uncomment(value))
	var out []methodResult
	for ok && len(out) < maxResults {
		var part string
		part, rest, ok = cutUnquoted(rest)
		pairs := splitPairs(part)
		if len(pairs) == 0 {
			continue
		}
		method, _, _ := strings.Cut(strings.ToLower(pairs[0][0]), "/")
		r := methodResult{method: method, result: word(pairs[0][1]), props: map[string]string{}}
		for _, p := range pairs[1:] {
			if name := strings.ToLower(p[0]); r.props[name] == "" {
				r.props[name] = p[1]
			}
		}
		out = append(out, r)
	}
	return out
}

// cutUnquoted splits at the first semicolon outside quoted strings.
func cutUnquoted(s string) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			_, n := unquote(s[i:])
			i += n - 1
		case ';':
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// splitPairs reads "name = value" pairs; values may be quoted, blanks may
// stand around the equals sign. A word without one is dropped.
func splitPairs(s string) [][2]string {
	var pairs [][2]string
	name := ""
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		if s[0] == '=' {
			var value string
			value, s = nextValue(strings.TrimLeft(s[1:], " \t"))
			if name != "" {
				pairs = append(pairs, [2]string{name, value})
			}
			name = ""
			continue
		}
		i := strings.IndexAny(s, " \t=")
		if i < 0 {
			i = len(s)
		}
		name, s = s[:i], s[i:]
	}
	return pairs
}

func nextValue(s string) (value, rest string) {
	if strings.HasPrefix(s, `"`) {
		text, n := unquote(s)
		return text, s[n:]
	}
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// word reads a result word as some recorder wrote it. Words of no standard
// that have a clear meaning are translated; others are unknown.
func word(s string) mail.Result {
	switch r := mail.Result(strings.ToLower(strings.Trim(s, " \t"))); r {
	case mail.ResultPass, mail.ResultFail, mail.ResultSoftFail, mail.ResultNeutral, mail.ResultNone,
		mail.ResultPolicy, mail.ResultTempError, mail.ResultPermError:
		return r
	case "hardfail":
		return mail.ResultFail
	case "error":
		return mail.ResultTempError
	case "bestguesspass": // aligned, but no DMARC record exists
		return mail.ResultNone
	}
	return mail.ResultUnknown
}

// trustedResults returns the newest Authentication-Results value that one of
// our own servers wrote, for a message that comes as a file. Fields count only
// above the last of the hops Received fields that our servers have put on top:
// a sender's fields are always below those.
func trustedResults(raw []byte, trusted []string, hops int) (value string, ok bool) {
	received := 0
	for f := range fields(raw) {
		switch f.name {
		case "received":
			if received++; received >= hops {
				return "", false
			}
		case "authentication-results":
			value := f.unfold(raw)
			id := sameName(authservToken(value))
			for _, t := range trusted {
				if id != "" && id == sameName(t) {
					return value, true
				}
			}
		}
	}
	return "", false
}

// arcVouched returns what the oldest sealer recorded to which an unbroken
// chain of trusted sealers leads from the newest: the DMARC result and the
// author domain it was for.
func arcVouched(r arc.Result, trusted []string) (results []methodResult, ok bool) {
	if r.Result != mail.ResultPass {
		return nil, false
	}
	oldest := -1
	for i := len(r.Chain) - 1; i >= 0 && sealerTrusted(r.Chain[i].Sealer, trusted); i-- {
		oldest = i
	}
	if oldest < 0 {
		return nil, false
	}
	return parseResults(r.Chain[oldest].Results), true
}

// sealerTrusted tells whether a sealer's domain is one of trusted, or below
// one of them.
func sealerTrusted(sealer string, trusted []string) bool {
	s := sameName(sealer)
	for _, t := range trusted {
		if n := sameName(t); n != "" && (s == n || strings.HasSuffix(s, "."+n)) {
			return true
		}
	}
	return false
}

// vouchesFor returns the domains that passed for the author domain from
// according to recorded results: from itself by a DMARC pass, or those of DKIM
// and SPF passes that are related to it.
func vouchesFor(results []methodResult, from string) []string {
	var out []string
	for _, r := range results {
		if r.result != mail.ResultPass {
			continue
		}
		name := ""
		switch r.method {
		case "dmarc":
			name = r.props["header.from"]
			if !sameDomain(name, from) {
				continue
			}
		case "dkim":
			name = r.props["header.d"]
			if name == "" {
				name = domainOf(r.props["header.i"])
			}
		case "spf":
			name = domainOf(r.props["smtp.mailfrom"])
		default:
			continue
		}
		if dmarc.Related(name, from) {
			out = appendNew(out, sameName(name))
		}
	}
	return out
}

// sameDomain compares two names without case and form.
func sameDomain(a, b string) bool { return a != "" && sameName(a) == sameName(b) }

// domainOf returns what follows the last at sign, or the whole.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

func appendNew(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}
