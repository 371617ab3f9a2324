package auth

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"

	"foregate/mail"
)

// maxReason bounds the reason of one result in the header, in bytes.
const maxReason = 100

// Header returns the value of an Authentication-Results field (RFC 8601
// section 2.2) that states a in the name of authservID: ASCII, folded with
// CRLF and a tab, without the field name and without a final line end.
// Unknown results are left out; a value without any says "none".
func Header(authservID string, a mail.Auth) string {
	var results []string
	if a.SPF != mail.ResultUnknown {
		property := "smtp.mailfrom"
		if a.SPFHelo {
			property = "smtp.helo"
		}
		results = append(results, result("spf", a.SPF, "", shorten(a.SPFReason))+prop(property, ascii(a.SPFDomain)))
	}
	for _, d := range a.DKIM {
		results = append(results, result("dkim", d.Result, d.Weak, shorten(d.Reason))+
			prop("header.d", ascii(d.Domain))+prop("header.s", ascii(d.Selector))+prop("header.a", d.Algorithm))
	}
	if len(a.DKIM) == 0 && a.DKIMResult != mail.ResultUnknown {
		results = append(results, result("dkim", a.DKIMResult, "", ""))
	}
	if a.DMARC != mail.ResultUnknown {
		comment := ""
		if a.DMARCPolicy != "" {
			comment = "p=" + a.DMARCPolicy
		}
		results = append(results, result("dmarc", a.DMARC, comment, "")+prop("header.from", ascii(a.FromDomain)))
	}
	if a.ARC != mail.ResultUnknown {
		results = append(results, result("arc", a.ARC, "", "")+prop("header.d", ascii(a.ARCSealer)))
	}
	if len(results) == 0 {
		results = []string{"none"}
	}
	return pvalue(ascii(authservID)) + ";\r\n\t" + strings.Join(results, ";\r\n\t")
}

// result writes "method=result (comment) reason=…".
func result(method string, r mail.Result, comment, reason string) string {
	s := method + "=" + keyword(string(r))
	if comment != "" {
		s += " (" + plainText(comment) + ")"
	}
	if reason != "" {
		s += "\r\n\treason=" + quoted(reason)
	}
	return s
}

// prop writes one ptype.property=pvalue on a line of its own, nothing for an
// empty value.
func prop(name, value string) string {
	if value == "" {
		return ""
	}
	return "\r\n\t" + name + "=" + pvalue(value)
}

// keyword keeps the letters of a result word.
func keyword(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "none"
	}
	return s
}

// pvalue writes a value as a token, or quoted where it is none.
func pvalue(s string) string {
	const specials = `()<>@,;:\"/[]?=`
	token := s != ""
	for _, c := range []byte(s) {
		token = token && c > 0x20 && c < 0x7f && strings.IndexByte(specials, c) < 0
	}
	if token && len(s) <= 500 {
		return s
	}
	return quoted(s)
}

// quoted writes a quoted string. Control and non-ASCII bytes become question
// marks: the text may be a stranger's.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, c := range []byte(s) {
		if i == 500 { // keeps lines below 998 bytes (RFC 5322 section 2.1.1)
			break
		}
		switch {
		case c < 0x20 || c > 0x7e:
			c = '?'
		case c == '"' || c == '\\':
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}

// plainText keeps what can stand in a comment as it is.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '(' || r == ')' || r == '\\' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxReason)])
}

// ascii returns a domain in A-labels where it has them.
func ascii(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			if a, err := idna.Lookup.ToASCII(s); err == nil {
				return a
			}
			break
		}
	}
	return s
}

// Field returns the whole field of Header, with its name and final line end.
func Field(authservID string, a mail.Auth) []byte {
	return fmt.Appendf(nil, "%s: %s\r\n", FieldName, Header(authservID, a))
}

// shorten cuts a reason to what a header can bear.
func shorten(s string) string { return s[:min(len(s), maxReason)] }
