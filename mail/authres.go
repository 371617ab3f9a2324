package mail

import (
	"strings"
)

// parseReceivedSPF reads a Received-SPF field (RFC 7208 section 9.1): a result,
// a comment, and key=value pairs.
func parseReceivedSPF(v string) *SPFResult {
	v = strings.TrimSpace(v)
	r := &SPFResult{}
	i := strings.IndexAny(v, " \t(;")
	if i < 0 {
		i = len(v)
	}
	r.Verdict, v = strings.ToLower(v[:i]), strings.TrimSpace(v[i:])
	if strings.HasPrefix(v, "(") {
		end := commentEnd(v, 0)
		r.Description = strings.TrimSpace(strings.Trim(v[:end], "()"))
		v = v[end:]
	}
	spfDescription(r)
	for _, kv := range strings.FieldsFunc(v, func(c rune) bool { return c == ';' || c == ' ' || c == '\t' }) {
		key, val, ok := strings.Cut(kv, "=")
		if !ok {
			continue
		}
		val = strings.Trim(val, "\"<>")
		switch strings.ToLower(key) {
		case "client-ip":
			r.ClientIP = toIP(val)
		case "helo":
			r.Helo = domainPtr(val)
		case "receiver":
			r.Server = domainPtr(val)
		case "envelope-from":
			if r.Designator == "" {
				r.Designator = val
			}
		}
	}
	return r
}

// spfDescription reads the sentence that checkers write into the comment:
// "google.com: domain of a@b.example designates 192.0.2.1 as permitted sender".
func spfDescription(r *SPFResult) {
	d := r.Description
	if who, rest, ok := strings.Cut(d, ": "); ok && !strings.ContainsAny(who, " \t") && strings.Contains(who, ".") {
		r.Server = domainPtr(who)
		d = rest
	}
	words := strings.Fields(d)
	for i, w := range words {
		switch {
		case w == "designates" && i+1 < len(words):
			if ip := toIP(words[i+1]); ip != nil {
				r.ClientIP = ip
			}
			fallthrough
		case (w == "does" || w == "designates" || w == "discourages" || w == "transitioning") && i > 0:
			if r.Designator == "" && strings.Contains(words[i-1], ".") {
				r.Designator = strings.Trim(words[i-1], "'\"<>")
			}
		case w == "IP" && i+2 < len(words) && words[i+1] == "is":
			r.ClientIP = toIP(words[i+2])
		}
	}
}

func domainPtr(s string) *Domain {
	s = strings.Trim(s, "\"<>[]() ;,")
	if s == "" {
		return nil
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	d := NewDomain(s)
	return &d
}

// maxClauses bounds the results in one Authentication-Results field.
const maxClauses = 64

// parseAuthResults reads an Authentication-Results field (RFC 8601 section
// 2.2) or its ARC form (RFC 8617 section 4.1.1), also in the form that
// Microsoft writes, without authserv-id and with missing blanks.
func parseAuthResults(v, kind string) *AuthResults {
	a := &AuthResults{Type: kind}
	for i, clause := range splitClauses(v) {
		if i > maxClauses {
			break
		}
		words := receivedWords(clause)
		if len(words) == 0 {
			continue
		}
		key, val, ok := strings.Cut(words[0], "=")
		if !ok {
			if a.Server == nil && strings.Contains(words[0], ".") && !strings.HasPrefix(words[0], "(") {
				a.Server = domainPtr(words[0])
			}
			continue
		}
		if i := strings.IndexByte(key, '/'); i > 0 {
			key = key[:i] // "dkim/1=pass": a method version
		}
		val = strings.ToLower(val)
		switch strings.ToLower(key) {
		case "i":
			if kind == "arc" {
				a.Instance = val
			}
		case "spf":
			if a.SPF == "" {
				a.SPF = val
				a.SPFDetails = authSPF(val, words[1:])
			}
		case "dkim":
			if a.DKIM == "" || val == "pass" {
				a.DKIM = val
			}
			a.DKIMDetails = append(a.DKIMDetails, authDKIM(words[1:]))
		case "dmarc":
			if a.DMARC == "" {
				a.DMARC = val
				a.DMARCDetails = authDMARC(val, words[1:])
			}
		case "compauth":
			a.CompAuth = &CompAuth{Verdict: val, Reason: pairs(words[1:])["reason"]}
		}
	}
	return a
}

// splitClauses cuts at semicolons outside comments and quotes.
func splitClauses(s string) []string {
	var out []string
	from := 0
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			quoted = !quoted
		case '(':
			if !quoted {
				i = commentEnd(s, i) - 1
			}
		case ';':
			if !quoted {
				out = append(out, s[from:i])
				from = i + 1
			}
		}
	}
	return append(out, s[from:])
}

// pairs gathers the key=value words, keys lower case.
func pairs(words []string) map[string]string {
	out := map[string]string{}
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok && !strings.HasPrefix(w, "(") {
			out[strings.ToLower(k)] = strings.Trim(v, "\"")
		}
	}
	return out
}

func comment(words []string) string {
	for _, w := range words {
		if strings.HasPrefix(w, "(") {
			return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(w, "("), ")"))
		}
	}
	return ""
}

func authSPF(verdict string, words []string) *SPFResult {
	r := &SPFResult{Verdict: verdict, Description: comment(words)}
	spfDescription(r)
	kv := pairs(words)
	if f := kv["smtp.mailfrom"]; f != "" {
		r.Designator = strings.Trim(f, "<>")
	}
	r.Helo = domainPtr(kv["smtp.helo"])
	if ip := toIP(kv["smtp.remote-ip"]); ip != nil {
		r.ClientIP = ip
	}
	return r
}

func authDKIM(words []string) Signature {
	kv := pairs(words)
	s := Signature{Type: "dkim", Domain: kv["header.d"], Selector: kv["header.s"], Signature: kv["header.b"], Algorithm: kv["header.a"]}
	if id := kv["header.i"]; s.Domain == "" && id != "" {
		s.Domain = id[strings.LastIndexByte(id, '@')+1:]
	}
	return s
}

func authDMARC(verdict string, words []string) *DMARCResult {
	kv := pairs(words)
	d := &DMARCResult{Verdict: verdict, Action: kv["action"], From: domainPtr(kv["header.from"])}
	for k, v := range pairs(strings.Fields(comment(words))) {
		switch k {
		case "p":
			d.Policy = v
		case "sp":
			d.SubPolicy = v
		case "dis", "disposition":
			d.Disposition = v
		case "v":
			d.Version = v
		}
	}
	return d
}

// parseSignature reads the tags of a DKIM-Signature (RFC 6376 section 3.5) or
// ARC-Message-Signature (RFC 8617 section 4.1.2).
func parseSignature(v, kind string) *Signature {
	s := &Signature{Type: kind}
	for _, tag := range strings.Split(v, ";") {
		k, val, ok := strings.Cut(tag, "=")
		if !ok {
			continue
		}
		val = strings.TrimSpace(val)
		switch strings.TrimSpace(k) {
		case "v":
			s.Version = val
		case "i":
			if kind == "arc" {
				s.Instance = val
			}
		case "a":
			s.Algorithm = val
		case "d":
			s.Domain = strings.ToLower(val)
		case "s":
			s.Selector = val
		case "h":
			s.Headers = val
		case "bh":
			s.BodyHash = strings.ReplaceAll(val, " ", "")
		case "b":
			s.Signature = val
		}
	}
	return s
}
