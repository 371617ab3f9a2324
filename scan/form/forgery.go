package form

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"foregate/domain"
	"foregate/evidence"
	"foregate/mail"
)

// What is written to look like another program's work, or as no program does.
// Each is a contradiction within the message and needs no list of programs.

// forged reports such contradictions.
func forged(m *mail.Message) []evidence.Item {
	var out []evidence.Item
	add := func(id, claim, q string) {
		out = append(out, evidence.Item{ID: id, Claim: claim, Quote: quote(q), Lineage: lineageMailer})
	}
	for i := range m.Parts {
		if b := timelessBoundary(m.Parts[i].Declared); b != "" {
			add("form.forged-boundary", "the parts are divided in the manner of Microsoft Outlook, but with a time that has never been: another program imitates it", b)
			break
		}
	}
	if bareOutlook(m) {
		add("form.forged-mailer", "the message says that it was written with Microsoft Outlook, but lacks the fields that Outlook writes", m.Headers.Mailer)
	}
	if by := relayedID(m); by != "" {
		add("form.relay-message-id", "the message came without an identifier of its own; a relay on the way gave it one", by)
	}
	for _, name := range []string{"From", "Subject"} {
		if word := needlessWord(rawField(m.Raw, name)); word != "" {
			add("form.needless-encoding-"+strings.ToLower(name), fmt.Sprintf("the field %s has plain letters written in code, which hides them from filters", name), word)
		}
	}
	return out
}

// Boundaries of Microsoft's programs: ----=_NextPart_nnn_nnnn_hhhhhhhh.llllllll
// where h and l are the halves of the time of writing as a FILETIME, in units of
// 100 ns since 1601. h was between these from 1995 on and will be until 2043.
const (
	nextPart     = "=_NextPart_"
	fileTimeFrom = 0x01B90000
	fileTimeTo   = 0x01F00000
)

// timelessBoundary finds a boundary of that form in a Content-Type field whose
// time is none.
func timelessBoundary(contentType string) string {
	_, b, ok := strings.Cut(contentType, nextPart)
	const length = len("000_0012_01D2ABCD.12345678")
	if !ok || len(b) < length {
		return ""
	}
	b = b[:length]
	if b[3] != '_' || b[8] != '_' || b[17] != '.' {
		return ""
	}
	for _, hex := range []string{b[4:8], b[18:]} {
		if _, err := strconv.ParseUint(hex, 16, 32); err != nil {
			return ""
		}
	}
	h, err := strconv.ParseUint(b[9:17], 16, 32)
	if err != nil || fileTimeFrom <= h && h < fileTimeTo {
		return ""
	}
	return nextPart + b
}

// bareOutlook reports the name of Outlook or Outlook Express without any field
// that those write beside it: X-MimeOLE, Thread-Index, or those of Exchange. The
// edition for the Macintosh was another program.
func bareOutlook(m *mail.Message) bool {
	name := strings.ToLower(m.Headers.Mailer)
	if !strings.Contains(name, "microsoft outlook") && !strings.Contains(name, "microsoft office outlook") || strings.Contains(name, "mac") {
		return false
	}
	for i := range m.Headers.Hops {
		for _, f := range m.Headers.Hops[i].Fields {
			field := strings.ToLower(f.Name)
			if field == "x-mimeole" || field == "thread-index" || strings.HasPrefix(field, "x-ms-") {
				return false
			}
		}
	}
	return true
}

// relayedID finds the relay that gave the message its Message-ID: it took the
// message from a machine of another organisation, and the identifier names it.
func relayedID(m *mail.Message) string {
	_, host, ok := strings.Cut(strings.TrimSuffix(m.Headers.MessageID, ">"), "@")
	if !ok || !strings.Contains(host, ".") {
		return ""
	}
	host = strings.ToLower(host)
	for i := range m.Headers.Hops {
		r := m.Headers.Hops[i].Received
		if r == nil || r.Server == nil || r.Source == nil {
			continue
		}
		by, from := firstHost(r.Server.Raw), firstHost(r.Source.Raw)
		if sameMachine(host, by) && strings.Contains(from, ".") && registrable(from) != registrable(by) && registrable(m.Sender.Email.Email) != registrable(by) {
			return by
		}
	}
	return ""
}

// firstHost is the first word of a clause in small letters.
func firstHost(clause string) string {
	host, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(clause)), " ")
	return strings.Trim(host, "[]();")
}

// sameMachine reports two names of one machine: one host label under one
// registrable domain, as large providers have an inner and an outer name.
func sameMachine(a, b string) bool {
	if a == b {
		return true
	}
	la, _, _ := strings.Cut(a, ".")
	lb, _, _ := strings.Cut(b, ".")
	return la == lb && registrable(a) == registrable(b)
}

// registrable is the registrable domain of a host or address, or the host.
func registrable(host string) string {
	host = host[strings.LastIndexByte(host, '@')+1:]
	if d := domain.Split(host).RootDomain; d != "" {
		return d
	}
	return host
}

// maxField bounds the bytes of a header field that are looked at.
const maxField = 2000

// rawField is the first field of the name as it is written, folded or not.
func rawField(raw []byte, name string) string {
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(bytes.TrimSpace(line)) == 0 {
			return ""
		}
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			value := line[len(name)+1:]
			for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') && len(value) < maxField {
				_, rest, _ = bytes.Cut(rest, []byte("\n"))
				value = raw[len(name)+1 : len(raw)-len(rest)]
			}
			return string(value[:min(len(value), maxField)])
		}
		raw = rest
	}
	return ""
}

// minPlain is the number of letters that make an encoded word suspicious: less
// may be the rest of a long text that was cut into words.
const minPlain = 4

// needlessWord finds an encoded word (RFC 2047) that needs no encoding: only
// ASCII in base64, or letters written as =XX.
func needlessWord(field string) string {
	words, needed := 0, false
	found := ""
	for {
		i := strings.Index(field, "=?")
		if i < 0 {
			break
		}
		parts := strings.SplitN(field[i+2:], "?", 4)
		if len(parts) < 4 || !strings.HasPrefix(parts[3], "=") {
			field = field[i+2:]
			continue
		}
		words++
		text := parts[2]
		plain, letters := plainWord(parts[1], text)
		needed = needed || !plain
		if letters >= minPlain && found == "" {
			found = "=?" + parts[0] + "?" + parts[1] + "?" + text + "?="
		}
		field = field[i+len("=??")+len(parts[0])+len(parts[1])+len(text):]
	}
	if words == 0 || needed {
		return ""
	}
	return found
}

// plainWord decodes the text of an encoded word: whether it is printable ASCII,
// and how many letters and digits were written in code.
func plainWord(encoding, text string) (plain bool, coded int) {
	switch strings.ToLower(encoding) {
	case "b":
		data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			return false, 0
		}
		for _, c := range data {
			if c < ' ' || c > '~' {
				return false, 0
			}
			if alphanumeric(c) {
				coded++
			}
		}
		return true, coded
	case "q":
		for i := 0; i+2 < len(text); i++ {
			if text[i] != '=' {
				continue
			}
			c, err := strconv.ParseUint(text[i+1:i+3], 16, 8)
			if err != nil || c < ' ' || c > '~' {
				return false, 0
			}
			if alphanumeric(byte(c)) {
				coded++
			}
		}
		return true, coded
	}
	return false, 0
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
