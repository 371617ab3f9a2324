package known

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// layout is a fingerprint of how an HTML body is built: its tags in order with
// their classes, without text and targets. Messages of one kit share it. Tags are
// found by their brackets and quotes alone, which is enough to tell templates apart
// and much faster than HTML's own rules.
func layout(raw string) string {
	sum := sha256.New()
	made := make([]byte, 0, 1024)
	n := 0
	for n < maxTags {
		i := strings.IndexByte(raw, '<')
		if i < 0 {
			break
		}
		raw = raw[i+1:]
		if strings.HasPrefix(raw, "!--") {
			_, raw, _ = strings.Cut(raw[3:], "-->")
			continue
		}
		if raw == "" || !isLetter(raw[0]) {
			continue
		}
		made, raw = tag(made, raw)
		made = append(made, 0)
		n++
		if len(made) >= 1024 {
			sum.Write(made)
			made = made[:0]
		}
	}
	if n < minTags {
		return ""
	}
	sum.Write(made)
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// tag adds the name and the classes of a tag, which begins with its name, and
// returns what is behind it.
func tag(made []byte, raw string) (_ []byte, rest string) {
	end := func(i int, stops string) int {
		for i < len(raw) && strings.IndexByte(stops, raw[i]) < 0 {
			i++
		}
		return i
	}
	i := end(0, " \t\r\n/>")
	for _, c := range []byte(raw[:min(i, maxTagName)]) {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		made = append(made, c)
	}
	for i < len(raw) && raw[i] != '>' {
		if strings.IndexByte(" \t\r\n/", raw[i]) >= 0 {
			i++
			continue
		}
		name := i
		i = end(i+1, " \t\r\n/>=")
		isClass := strings.EqualFold(raw[name:i], "class")
		for i < len(raw) && strings.IndexByte(" \t\r\n", raw[i]) >= 0 {
			i++
		}
		if i == len(raw) || raw[i] != '=' {
			continue
		}
		for i++; i < len(raw) && strings.IndexByte(" \t\r\n", raw[i]) >= 0; {
			i++
		}
		if i == len(raw) {
			break
		}
		value := i
		if q := raw[i]; q == '"' || q == '\'' {
			value++
			n := strings.IndexByte(raw[value:], q)
			if n < 0 {
				return made, "" // as browsers do: the quote takes the rest
			}
			i = value + n
		} else {
			i = end(i, " \t\r\n>")
		}
		if isClass {
			made = append(made, raw[value:i]...)
		}
		if i < len(raw) && raw[i] != '>' {
			i++
		}
	}
	return made, raw[min(i, len(raw)):]
}

// maxTagName bounds what of a tag's name is looked at.
const maxTagName = 64
