package known

import (
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"foregate/intel"
	"foregate/mail"
)

// maxText bounds each text that patterns are tried on, in bytes: regular
// expressions take time in proportion to it.
const maxText = 256 << 10

// view shows a message to STIX patterns, as STIX 2.1 sections 6.5 to 6.16 name
// its parts. A value is made when it is first asked for.
type view struct {
	m    *mail.Message
	seen []mail.Seen
	have map[string][]any
}

// fieldPrefix is where patterns find header fields by name.
const fieldPrefix = "email-message:additional_header_fields."

// Answers says whether a message can have values at an object path of a STIX
// pattern, in the spelling of pattern.Comparison.Name.
func Answers(path string) bool {
	if name, ok := strings.CutPrefix(path, fieldPrefix); ok {
		return name != ""
	}
	return readerOf(path) != nil
}

// Values implements pattern.View.
func (v *view) Values(path string) []any {
	if vs, ok := v.have[path]; ok {
		return vs
	}
	var vs []any
	if name, ok := strings.CutPrefix(path, fieldPrefix); ok {
		vs = v.fields(strings.TrimSuffix(name, "[*]"))
	} else if read := readerOf(path); read != nil {
		vs = read(v)
	}
	if v.have == nil {
		v.have = map[string][]any{}
	}
	v.have[path] = vs
	return vs
}

func texts(list ...string) []any {
	var out []any
	for _, s := range list {
		if s == "" {
			continue
		}
		if len(s) > maxText {
			s = strings.ToValidUTF8(s[:maxText], "")
		}
		out = append(out, s)
	}
	return out
}

// kind gives the values of one kind wherever they were seen.
func kind(k intel.Kind) func(*view) []any {
	return func(v *view) []any {
		var out []any
		for _, s := range v.seen {
			if s.Kind == string(k) {
				out = append(out, s.Value)
			}
		}
		return out
	}
}

func readerOf(path string) func(*view) []any {
	object, property, _ := strings.Cut(path, ":")
	switch object {
	case "url", "domain-name", "ipv4-addr", "ipv6-addr", "email-addr":
		return valueReader(object, property)
	case "file", "artifact":
		return fileReader(object, property)
	case "email-message":
		if r := messageReader(property); r != nil {
			return r
		}
		return addressReader(property)
	}
	return nil
}

func valueReader(object, property string) func(*view) []any {
	switch {
	case object == "email-addr" && property == "display_name":
		return func(v *view) []any {
			return append(names(v.m.Headers.From), append(allNames(v.m.Headers.ReplyTo), append(allNames(v.m.Recipients.To), allNames(v.m.Recipients.CC)...)...)...)
		}
	case property != "value":
		return nil
	case object == "domain-name":
		return domains
	case object == "url":
		// Also as the message has it: patterns are written from what was seen.
		return func(v *view) []any {
			out := kind(intel.URL)(v)
			for i := range v.m.Body.Links {
				if u := v.m.Body.Links[i].HrefURL; u != nil && i < maxLinks {
					out = append(out, texts(u.URL)...)
				}
			}
			return out
		}
	case object == "email-addr":
		return func(v *view) []any {
			return append(kind(intel.Email)(v), append(addresses(v.m.Recipients.To), addresses(v.m.Recipients.CC)...)...)
		}
	}
	return kind(intel.Kind(object))
}

// fewNames is from how many names on a map finds them faster than looking at each.
const fewNames = 64

// domains are the names seen and the domains above them: whoever sees a host
// sees its domain.
func domains(v *view) []any {
	list := make([]string, 0, 2*len(v.seen))
	var have map[string]bool // of long lists
	for _, s := range v.seen {
		for name := s.Value; s.Kind == string(intel.Domain) && strings.Contains(name, "."); {
			if have[name] || have == nil && slices.Contains(list, name) {
				break
			}
			list = append(list, name)
			if have != nil {
				have[name] = true
			} else if len(list) == fewNames {
				have = make(map[string]bool, 4*fewNames)
				for _, n := range list {
					have[n] = true
				}
			}
			_, name, _ = strings.Cut(name, ".")
		}
	}
	out := make([]any, len(list))
	for i, name := range list {
		out[i] = name
	}
	return out
}

func fileReader(object, property string) func(*view) []any {
	each := func(read func(a *mail.Attachment) any) func(*view) []any {
		return func(v *view) []any {
			var out []any
			for i := range v.m.Attachments {
				if x := read(&v.m.Attachments[i]); x != nil && x != "" {
					out = append(out, x)
				}
			}
			return out
		}
	}
	switch property {
	case "hashes.MD5":
		return kind(intel.MD5)
	case "hashes.SHA-1":
		return kind(intel.SHA1)
	case "hashes.SHA-256":
		return kind(intel.SHA256)
	case "hashes.SHA-512":
		return each(func(a *mail.Attachment) any {
			sum := sha512.Sum512(a.Raw)
			return hex.EncodeToString(sum[:])
		})
	case "mime_type":
		return each(func(a *mail.Attachment) any { return a.ContentType })
	}
	if object == "artifact" {
		return nil
	}
	switch property {
	case "name":
		named := each(func(a *mail.Attachment) any { return a.FileName })
		return func(v *view) []any {
			out := named(v)
			for _, s := range v.seen {
				if s.Where == InInside && s.Kind == string(intel.FileName) {
					out = append(out, s.Value)
				}
			}
			return out
		}
	case "size":
		return each(func(a *mail.Attachment) any { return a.Size })
	}
	return nil
}

func messageReader(property string) func(*view) []any {
	switch property {
	case "subject":
		return func(v *view) []any {
			if v.m.Subject == nil {
				return nil
			}
			return texts(v.m.Subject.Subject)
		}
	case "message_id":
		return func(v *view) []any { return texts(v.m.Headers.MessageID, strings.Trim(v.m.Headers.MessageID, "<>")) }
	case "date":
		return func(v *view) []any {
			if v.m.Headers.Date == nil {
				return nil
			}
			return texts(v.m.Headers.Date.UTC().Format(time.RFC3339))
		}
	case "is_multipart":
		return func(v *view) []any { return []any{len(v.m.Parts) > 0 && v.m.Parts[0].Multipart} }
	case "content_type":
		return func(v *view) []any {
			if len(v.m.Parts) == 0 {
				return nil
			}
			return texts(v.m.Parts[0].ContentType)
		}
	case "body":
		return func(v *view) []any { return bodies(v.m) }
	case "body_multipart[*].body":
		return func(v *view) []any {
			if len(v.m.Parts) == 0 || !v.m.Parts[0].Multipart {
				return nil
			}
			return bodies(v.m)
		}
	case "body_multipart[*].content_type":
		return parts(func(p *mail.Part) string { return p.ContentType })
	case "body_multipart[*].content_disposition":
		return parts(func(p *mail.Part) string { return p.Disposition })
	case "received_lines[*]":
		return func(v *view) []any { return v.fields("received") }
	}
	return nil
}

func bodies(m *mail.Message) []any {
	var out []any
	if m.Body.Plain != nil {
		out = texts(m.Body.Plain.Raw)
	}
	if m.Body.HTML != nil {
		out = append(out, texts(m.Body.HTML.Raw, m.Body.HTML.DisplayText)...)
	}
	return out
}

func parts(read func(*mail.Part) string) func(*view) []any {
	return func(v *view) []any {
		var out []any
		for i := range v.m.Parts {
			if p := &v.m.Parts[i]; !p.Multipart && p.Reading == "" {
				out = append(out, texts(read(p))...)
			}
		}
		return out
	}
}

func addressReader(property string) func(*view) []any {
	who, what, _ := strings.Cut(property, ".")
	var list func(*mail.Message) []mail.Mailbox
	switch who {
	case "from_ref":
		list = func(m *mail.Message) []mail.Mailbox {
			if m.Headers.From == nil {
				return nil
			}
			return []mail.Mailbox{*m.Headers.From}
		}
	case "sender_ref":
		if what != "value" {
			return nil
		}
		return func(v *view) []any {
			out := v.fields("sender")
			for i, s := range out {
				text := s.(string)
				out[i] = strings.ToLower(strings.Trim(text[strings.LastIndexByte(text, '<')+1:], " <>"))
			}
			return out
		}
	case "to_refs[*]":
		list = func(m *mail.Message) []mail.Mailbox { return m.Recipients.To }
	case "cc_refs[*]":
		list = func(m *mail.Message) []mail.Mailbox { return m.Recipients.CC }
	case "bcc_refs[*]":
		list = func(m *mail.Message) []mail.Mailbox { return m.Recipients.BCC }
	default:
		return nil
	}
	switch what {
	case "value":
		return func(v *view) []any { return addresses(list(v.m)) }
	case "display_name":
		return func(v *view) []any { return allNames(list(v.m)) }
	}
	return nil
}

func names(m *mail.Mailbox) []any {
	if m == nil {
		return nil
	}
	return texts(m.DisplayName)
}

func allNames(list []mail.Mailbox) []any {
	var out []any
	for i := range list[:min(len(list), maxLinks)] {
		out = append(out, names(&list[i])...)
	}
	return out
}

func addresses(list []mail.Mailbox) []any {
	var out []any
	for i := range list[:min(len(list), maxLinks)] {
		out = append(out, texts(strings.ToLower(list[i].Email.Email))...)
	}
	return out
}

// fields are the values of header fields of a name in lower case.
func (v *view) fields(name string) []any {
	var out []any
	for i := range v.m.Headers.Hops {
		for _, f := range v.m.Headers.Hops[i].Fields {
			if strings.EqualFold(f.Name, name) && len(out) < maxLinks {
				out = append(out, texts(f.Value)...)
			}
		}
	}
	return out
}
