package intel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/google/uuid"
)

// stixNamespace is the name space of deterministic identifiers (STIX 2.1
// section 2.9).
const stixNamespace = "00abedb4-aa42-466c-9c01-fed23315a9b7"

// ObservableID is the deterministic identifier of a cyber observable: UUIDv5
// over the canonical JSON (RFC 8785) of its ID contributing properties (STIX
// 2.1 section 2.9). props are those properties with values of the types that
// encoding/json decodes to; none gives an error, because the standard then
// wants a random UUID.
func ObservableID(typ string, props map[string]any) (string, error) {
	if len(props) == 0 {
		return "", fmt.Errorf("%s: no ID contributing properties", typ)
	}
	var b bytes.Buffer
	if err := canonical(&b, props); err != nil {
		return "", fmt.Errorf("%s: making its id: %w", typ, err)
	}
	return typ + "--" + uuid.NewSHA1(uuid.MustParse(stixNamespace), b.Bytes()).String(), nil
}

// ObjectID is a deterministic identifier for objects of ours that are no
// observables (indicators, relationships, identities): the same content gets
// the same id on every export. It is a UUIDv5 in a name space of our own, as
// section 2.9 forbids using the standard's for these.
func ObjectID(typ string, parts ...string) string {
	ns := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://foregate.example/stix/"+typ))
	return typ + "--" + uuid.NewSHA1(ns, []byte(strings.Join(parts, "\x00"))).String()
}

// canonical writes JSON in the form of RFC 8785: keys sorted by UTF-16 code
// units, no white space, shortest escapes, numbers as ECMAScript prints them.
func canonical(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(x, y string) int {
			return slices.Compare(utf16.Encode([]rune(x)), utf16.Encode([]rune(y)))
		})
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			canonicalString(b, k)
			b.WriteByte(':')
			if err := canonical(b, v[k]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := canonical(b, e); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case string:
		canonicalString(b, v)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case int:
		b.WriteString(strconv.Itoa(v))
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return err
		}
		return canonicalNumber(b, f)
	case float64:
		return canonicalNumber(b, v)
	case nil:
		b.WriteString("null")
	default:
		return fmt.Errorf("a value of type %T has no canonical form", v)
	}
	return nil
}

// canonicalNumber prints as ECMAScript does; encoding/json follows the same
// rules but for the zero padded exponent ("1e-07" against "1e-7").
func canonicalNumber(b *bytes.Buffer, f float64) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	s := strings.Replace(strings.Replace(string(text), "e-0", "e-", 1), "e+0", "e+", 1)
	if s == "-0" {
		s = "0"
	}
	b.WriteString(s)
	return nil
}

func canonicalString(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\f':
			b.WriteString(`\f`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x20:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
