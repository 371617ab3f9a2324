// Package smtp is what both sides of the proxy need of SMTP and LMTP: command
// and answer syntax, message data with its dots, the next hop's client, and a
// connection that can be interrupted between messages. It knows nothing of
// verdicts.
package smtp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// MaxPath bounds an address in octets. RFC 5321 section 4.5.3.1.3 says 256; its
// section 4.5.3.1 asks to take more where one can, and VERP senders need it.
const MaxPath = 512

// SplitCommand separates the verb, in upper case, from its argument.
func SplitCommand(line string) (verb, arg string) {
	verb, arg, _ = strings.Cut(line, " ")
	return strings.ToUpper(verb), strings.Trim(arg, " ")
}

// Param is one ESMTP parameter; its keyword is in upper case.
type Param struct{ Key, Value string }

// String is the parameter as it is sent.
func (p Param) String() string {
	if p.Value == "" {
		return p.Key
	}
	return p.Key + "=" + p.Value
}

// ParsePath reads "FROM:<path> PARAMS" or "TO:<path> PARAMS" (RFC 5321 section
// 4.1.1.2). The path comes without brackets and source route, which is to be
// ignored (appendix C); it has no control characters, and no angle brackets
// outside a quoted local part, so it is safe to send on.
func ParsePath(prefix, arg string) (path string, params []Param, err error) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", nil, fmt.Errorf("expected %s<address>", prefix)
	}
	// A space here is wrong and common.
	rest, ok := strings.CutPrefix(strings.TrimLeft(arg[len(prefix):], " "), "<")
	if !ok {
		return "", nil, errors.New("the address must stand in angle brackets")
	}
	end := pathEnd(rest)
	if end < 0 {
		return "", nil, errors.New("the address has no closing angle bracket")
	}
	path, rest = rest[:end], rest[end+1:]
	if len(path) > MaxPath {
		return "", nil, errors.New("the address is too long")
	}
	if strings.HasPrefix(path, "@") {
		if _, path, ok = strings.Cut(path, ":"); !ok {
			return "", nil, errors.New("bad source route")
		}
	}
	if rest != "" && rest[0] != ' ' {
		return "", nil, errors.New("no space after the address")
	}
	params, err = parseParams(rest)
	return path, params, err
}

// pathEnd finds the closing bracket, minding a quoted local part.
func pathEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == '>':
			return i
		}
	}
	return -1
}

// CheckMailbox reports why path is not Local-part "@" Domain (RFC 5321 section
// 4.1.2, with RFC 6531's letters). What names exist is the next hop's to say.
func CheckMailbox(path string) error {
	at := strings.LastIndexByte(path, '@')
	if at < 1 || at == len(path)-1 {
		return errors.New("the address needs a local part and a domain")
	}
	if !utf8.ValidString(path) {
		return errors.New("the address is not UTF-8")
	}
	local, domain := path[:at], path[at+1:]
	if local[0] == '"' {
		if !isQuoted(local) {
			return errors.New("bad quoted local part")
		}
	} else if i := strings.IndexFunc(local, notAtom); i >= 0 || local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return errors.New("bad character or dot in the local part")
	}
	if domain[0] == '[' {
		if len(domain) < 3 || domain[len(domain)-1] != ']' || strings.ContainsFunc(domain[1:len(domain)-1], notLiteral) {
			return errors.New("bad address literal")
		}
		return nil
	}
	if strings.ContainsFunc(domain, notHost) || domain[0] == '.' || strings.Contains(domain, "..") {
		return errors.New("bad domain name")
	}
	return nil
}

func isQuoted(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch s[i] {
		case '\\':
			if i++; i == len(s)-1 {
				return false
			}
		case '"':
			return false
		}
	}
	return true
}

func notAtom(r rune) bool {
	return r <= ' ' || r == 0x7f || r < utf8.RuneSelf && strings.ContainsRune(`()<>[]:;@\,"`, r)
}

func notHost(r rune) bool {
	return r < utf8.RuneSelf && r != '-' && r != '.' && r != '_' && !alnum(r)
}

func notLiteral(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`[]<>\`, r)
}

func alnum(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// parseParams reads ESMTP parameters (RFC 5321 section 4.1.2).
func parseParams(s string) ([]Param, error) {
	var params []Param
	for word := range strings.FieldsSeq(s) {
		key, value, has := strings.Cut(word, "=")
		if key == "" || strings.ContainsFunc(key, func(r rune) bool { return !alnum(r) && r != '-' }) {
			return nil, errors.New("bad parameter name")
		}
		if has && value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '=' || r == 0x7f }) {
			return nil, errors.New("bad value of parameter " + strings.ToUpper(key))
		}
		key = strings.ToUpper(key)
		for _, p := range params {
			if p.Key == key {
				return nil, errors.New("parameter " + key + " given twice")
			}
		}
		params = append(params, Param{Key: key, Value: value})
	}
	return params, nil
}

// xtext undoes the encoding of RFC 3461 section 4: "+" and two upper case hex
// digits for an octet.
func xtext(s string) (string, error) {
	if !strings.Contains(s, "+") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
			return "", errors.New("bad xtext")
		}
		b.WriteByte(byte(unhex(s[i+1])<<4 | unhex(s[i+2])))
		i += 2
	}
	return b.String(), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// toXtext encodes s for an XFORWARD value.
func toXtext(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Origin is who sends: the peer, or whom a trusted peer names.
type Origin struct {
	Addr                                   netip.Addr
	Port, Name, Helo, Proto, Ident, Source string
}

// The attributes that a trusted peer may set, as they are announced.
const (
	XclientNames  = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
	XforwardNames = "NAME ADDR PORT PROTO HELO IDENT SOURCE"
)

// Set takes the attributes of one XCLIENT or XFORWARD command. Values are
// xtext; "[UNAVAILABLE]" and "[TEMPUNAVAIL]" are unknown. No value may hold a
// control character: they are sent on and logged.
func (c *Origin) Set(names, arg string) error {
	if arg == "" {
		return errors.New("no attributes")
	}
	for word := range strings.FieldsSeq(arg) {
		key, value, ok := strings.Cut(word, "=")
		key = strings.ToUpper(key)
		if !ok || !strings.Contains(" "+names+" ", " "+key+" ") {
			return errors.New("bad attribute " + Printable(key, 40))
		}
		value, err := xtext(value)
		if err != nil || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
			return errors.New("bad value of " + key)
		}
		if strings.EqualFold(value, "[UNAVAILABLE]") || strings.EqualFold(value, "[TEMPUNAVAIL]") {
			value = ""
		}
		if err := c.setOne(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (c *Origin) setOne(key, value string) error {
	switch key {
	case "ADDR":
		c.Addr = netip.Addr{}
		if value == "" {
			return nil
		}
		if len(value) > 5 && strings.EqualFold(value[:5], "IPV6:") {
			value = value[5:]
		}
		a, err := netip.ParseAddr(value)
		if err != nil || a.Zone() != "" {
			return errors.New("bad value of ADDR")
		}
		c.Addr = a.Unmap()
	case "NAME":
		c.Name = strings.TrimSuffix(value, ".")
	case "HELO":
		c.Helo = value
	case "PORT":
		c.Port = value
	case "PROTO":
		c.Proto = value
	case "IDENT":
		c.Ident = value
	case "SOURCE":
		c.Source = value
	}
	return nil // LOGIN and the destination say nothing about the sender's host
}

// Printable shortens s to n octets of visible ASCII for an answer or a log.
func Printable(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > n {
		s = s[:n]
	}
	return s
}

// ExtOf names the EHLO keyword that allows a parameter, "" for unknown ones.
func ExtOf(param string) string {
	switch param {
	case "SIZE", "SMTPUTF8":
		return param
	case "BODY":
		return "8BITMIME"
	case "RET", "ENVID", "NOTIFY", "ORCPT":
		return "DSN"
	}
	return ""
}

// ASCII reports whether s has no octet beyond it.
func ASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
