package mail

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// The tests of this file hide one attachment in every ambiguity of MIME that
// we know of, in the manner of "Inbox Invasion: Exploiting MIME Ambiguities to
// Evade Email Attachment Detectors" (CCS 2024), and demand that Parse lists it.

const markerName = "marker.exe"

// marker is the hidden payload: binary, so that encodings matter, and free of
// byte runs that would look like structure.
func marker() []byte {
	b := []byte("MZ\x90\x00marker-payload:")
	for i := range 150 {
		b = append(b, byte(i*7+3)|0x80)
	}
	return append(b, "!end"...)
}

func markerSum() string {
	s := sha256.Sum256(marker())
	return hex.EncodeToString(s[:])
}

func wrap64(b []byte, n int) string {
	s := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(s) > n {
		out.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	return out.String() + s
}

func quoted(b []byte) string {
	var out strings.Builder
	col := 0
	for _, c := range b {
		e := string(rune(c))
		if c < 33 || c > 126 || c == '=' {
			e = fmt.Sprintf("=%02X", c)
		}
		if col+len(e) > 72 {
			out.WriteString("=\r\n")
			col = 0
		}
		out.WriteString(e)
		col += len(e)
	}
	return out.String()
}

// variant is one message with a hidden marker.
type variant struct {
	name   string
	raw    string
	defect string // an ID or prefix that must be named; "" when readings agree
	byName bool   // the file name must be found too
}

const (
	topFields  = "From: a@sender.example\r\nTo: b@rcpt.example\r\nSubject: s\r\nDate: Mon, 1 Jan 2024 10:10:10 +0000\r\nMessage-ID: <1@sender.example>\r\n"
	textPart   = "Content-Type: text/plain\r\n\r\nhello there\r\n"
	markerType = "Content-Type: application/octet-stream; name=\"" + markerName + "\"\r\n"
	markerDisp = "Content-Disposition: attachment; filename=\"" + markerName + "\"\r\n"
)

func markerPart() string {
	return markerType + "Content-Transfer-Encoding: base64\r\n" + markerDisp + "\r\n" + wrap64(marker(), 76) + "\r\n"
}

// mixed is a body with the marker, cut by boundary b.
func mixed(b string) string {
	return "--" + b + "\r\n" + textPart + "--" + b + "\r\n" + markerPart() + "--" + b + "--\r\n"
}

func benign(b string) string {
	return "--" + b + "\r\n" + textPart + "--" + b + "--\r\n"
}

func message(contentType, body string) string {
	return topFields + "MIME-Version: 1.0\r\n" + contentType + "\r\n" + body
}

// found reports whether the marker is listed, by content and by name.
func found(m *Message) (content, name bool) {
	sum := markerSum()
	for _, a := range m.Attachments {
		content = content || a.SHA256 == sum
		name = name || a.FileName == markerName
	}
	for _, p := range m.Parts {
		content = content || p.SHA256 == sum
		name = name || p.FileName == markerName
		for _, n := range p.FileNames {
			name = name || n == markerName
		}
	}
	return content, name
}

func check(t *testing.T, vs []variant) {
	t.Helper()
	for _, v := range vs {
		m := Parse(Envelope{}, []byte(v.raw))
		content, name := found(m)
		if !content {
			t.Errorf("%s: marker not found; parts %s", v.name, summary(m))
			continue
		}
		if v.byName && !name {
			t.Errorf("%s: file name not found; parts %s", v.name, summary(m))
		}
		if v.defect != "" && !hasDefect(m, v.defect) {
			t.Errorf("%s: no defect %q; defects %v", v.name, v.defect, m.Errors)
		}
	}
}

func hasDefect(m *Message, prefix string) bool {
	for _, d := range m.Defects {
		if strings.HasPrefix(d.ID, prefix) {
			return true
		}
	}
	return false
}

func summary(m *Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		fmt.Fprintf(&b, "\n   %s %q %s enc=%q %d %q", p.Path, p.Reading, p.ContentType, p.Encoding, p.Size, p.FileName)
	}
	return b.String() + fmt.Sprint("\n   ", m.Errors)
}

func boundaryVariants() []variant {
	forms := []string{
		`boundary=B1`, `boundary="B1"`, `boundary='B1'`, `Boundary=B1`, `BOUNDARY="B1"`, `boundary =B1`, `boundary= B1`, "boundary\t=\tB1",
		`boundary=B1; boundary=B2`, `boundary=B2; boundary=B1`, `boundary="B1"; boundary=B2`, `boundary="B2"; boundary="B1"`,
		`boundary=B2; boundary=B3; boundary=B1`, `boundary=B1; Boundary=B2`, `boundary=B2; BOUNDARY=B1`,
		`boundary=; boundary=B1`, `boundary=B1; boundary=`, `boundary=""; boundary=B1`, `boundary=B1; boundary=""`,
		`boundary*=us-ascii''B1`, `boundary*=B1`, `boundary*="us-ascii''B1"`, `boundary*0=B; boundary*1=1`, `boundary*1=1; boundary*0=B`,
		`boundary*0="B"; boundary*1="1"`, `boundary*0*=us-ascii''B; boundary*1*=1`, `boundary*0*=us-ascii'en'%42; boundary*1=1`,
		`boundary=B2; boundary*=us-ascii''B1`, `boundary*=us-ascii''B2; boundary=B1`, `boundary=B2; boundary*0=B; boundary*1=1`,
		`boundary*0=B; boundary*0=X; boundary*1=1`, `boundary*0=B2; boundary=B1`, `boundary*1=2; boundary=B1`, `boundary*0=B; boundary*2=2; boundary*1=1`,
		`boundary=(c)B1`, `boundary(c)=B1`, `boundary=B1(c)`, `boundary="B1"(c)`, `(c)boundary=B1`, `boundary=(a(b)c)B1`, `boundary(\))=B1; boundary=B2`,
		`(boundary=B2) boundary=B1`, `(boundary=B1; )boundary=B2`, `boundary=B(c)1`, `boundary=B1 (`, `boundary="B1`, `boundary=B1"`, `boundary="B1";;`,
		`boundary=B1 B2`, `boundary=B2 B1`, `boundary="B1"B2`, `boundary=B1,`, `boundary=B1, boundary=B2`, `boundary=B1;charset=x`, `charset=x;boundary=B1`,
		`charset="x; boundary=B2"; boundary=B1`, `charset="\"; boundary=B2; x=\""; boundary=B1`, `x='; boundary=B2'; boundary=B1`,
		`x="; boundary=B1`, `foo; boundary=B1`, `=; boundary=B1`, `="x"; boundary=B1`, `;;; boundary=B1`, `foo bar=x; boundary=B1`, `x=y boundary=B1`,
		`boundary=` + "\r\n B1", "boundary=\"B1\r\n \"", "boundary=\"\r\n B1\"", "boundary\r\n =B1", "boundary=\"B\r\n 1\"", "boundary=\r\n\tB1; boundary=B2",
		`boundary=?us-ascii?Q?B1?=`, `boundary==?us-ascii?Q?B1?=`, `boundary="=?us-ascii?Q?B1?="`, `boundary="=?us-ascii?B?QjE=?="`, `boundary="B=?us-ascii?Q?1?="`,
		`boundary="B\1"`, `boundary="\B1"`, `boundary="\"B1"`, `boundary=B\1`, `boundary="B1 "`, `boundary=" B1"`, `boundary="B1	"`, `boundary=%42%31`,
		`boundary:B1`, `boundary="B1"; boundary="B2`, `boundary=<B1>`, `boundary="<B1>"`, `x-boundary=B2; boundary=B1`, `boundary-x=B2; boundary=B1`,
		`boundary=B1; boundary*0=B; boundary*1=2`, `boundary=B1;boundary=B2;boundary=B1`, "boundary=B1\x00", "boundary=\x00B1", "boundary=B1\v", "boundary=\"B1\"\f",
		`boundary=b1`, `boundary="B1";` + strings.Repeat(" ", 300), strings.Repeat("p=v; ", 120) + `boundary=B1`,
	}
	var out []variant
	for i, f := range forms {
		bodies := map[string]string{
			"alone":       mixed("B1"),
			"decoy-first": benign("B2") + mixed("B1"),
			"decoy-last":  mixed("B1") + benign("B2"),
			"preamble":    "preamble\r\n" + mixed("B1"),
			"in-decoy":    "--B2\r\nContent-Type: text/plain\r\n\r\nx\r\n" + mixed("B1") + "--B2--\r\n",
		}
		for _, k := range []string{"alone", "decoy-first", "decoy-last", "preamble", "in-decoy"} {
			v := variant{name: fmt.Sprintf("boundary %d %s %q", i, k, f), raw: message("Content-Type: multipart/mixed; "+f+"\r\n", bodies[k]), byName: true}
			if strings.Count(f, "=B1") == 1 && strings.Count(f, "boundary=B2") == 1 && k == "decoy-first" && !strings.ContainsAny(f, `"'(`) {
				v.defect = "mime."
			}
			out = append(out, v)
		}
	}
	return out
}

func typeVariants() []variant {
	var out []variant
	add := func(name, ct, defect string) {
		out = append(out, variant{"type " + name, message(ct, mixed("B1")), defect, true})
	}
	for _, typ := range []string{
		"multipart/mixed", "multipart/Mixed", "MULTIPART/MIXED", "multipart/alternative", "multipart/related", "multipart/signed", "multipart/report",
		"multipart/digest", "multipart/parallel", "multipart/form-data", "multipart/x-unknown", "multipart/", "multipart", "multipart/mixed/x", `"multipart/mixed"`,
		"multipart /mixed", "multipart/ mixed", "multipart/(c)mixed", "(c)multipart/mixed", "multipart(c)/mixed", "multipart/mixed(c)", "multipart\\mixed",
		"=?us-ascii?Q?multipart/mixed?=", "text/plain", "text/html", "application/octet-stream", "image/png", "message/rfc822", "message/partial", "mixed", "", ";",
		"multi part/mixed", "multipart/mixed,", "x-multipart/mixed", "multipart.mixed", "application/pkcs7-mime", "\x00multipart/mixed", "multipart/mixed\x00",
	} {
		add(fmt.Sprintf("%q", typ), "Content-Type: "+typ+"; boundary=B1\r\n", "")
	}
	for _, name := range []string{
		"Content-type", "CONTENT-TYPE", "content-type", "Content-Type ", "Content-Type\t", " Content-Type", "\tContent-Type", "Content_Type", "Content Type",
		"Content-Type\x00", "\x00Content-Type", "Content-Type\x01", "Content-\x7fType", "ContentType", "Content--Type", "Content-Type\u00a0",
	} {
		add(fmt.Sprintf("field %q", name), name+": multipart/mixed; boundary=B1\r\n", "")
	}
	for _, sep := range []string{":", ": \r\n ", ":\t", ":\r\n\t", " :", ":\r\n \r\n ", "::", ": :", ";", "=", " ", ":\x00 ", ":;", ": ;"} {
		add(fmt.Sprintf("separator %q", sep), "Content-Type"+sep+"multipart/mixed; boundary=B1\r\n", "")
	}
	real, fake := "Content-Type: multipart/mixed; boundary=B1\r\n", "Content-Type: multipart/mixed; boundary=B2\r\n"
	text := "Content-Type: text/plain\r\n"
	for i, cts := range []string{
		real + fake, fake + real, real + text, text + real, fake + real + text, text + fake + real, real + real, real + "X-Y: z\r\n" + text,
		text + "X-Y: z\r\n" + real, "Content-Type:\r\n" + real, real + "Content-Type:\r\n", "content-type: text/plain\r\n" + real, real + "CONTENT-TYPE: text/html\r\n",
	} {
		d := ""
		if cts != real+real {
			d = "mime.duplicate-content-type"
		}
		out = append(out, variant{fmt.Sprintf("duplicate type %d", i), message(cts, benign("B2")+mixed("B1")), d, true})
	}
	return out
}

func delimiterVariants() []variant {
	top := "Content-Type: multipart/mixed; boundary=B1\r\n"
	var out []variant
	add := func(name, body string) {
		out = append(out, variant{"delimiter " + name, message(top, body), "", true})
	}
	for _, d := range []string{
		"--B1", "--B1 ", "--B1\t", "--B1  \t ", " --B1", "\t--B1", "--B1x", "--B1;", "--B1--x", "--B1-", "--B1 --", "-- B1", "---B1", "-B1", "B1", "--b1", "--B1\r",
		"--B1\x00", "--\x00B1", "--B1(c)", "--\"B1\"", "—B1", "==B1", "--B1\v", "--B1 x", "--B1:x", "- -B1", "----B1", "--B1--",
	} {
		for _, where := range []string{"both", "marker", "first", "last"} {
			first, mid, last := "--B1", "--B1", "--B1--"
			switch where {
			case "both":
				first, mid = d, d
			case "marker":
				mid = d
			case "first":
				first = d
			case "last":
				last = d
			}
			add(fmt.Sprintf("%q %s", d, where), first+"\r\n"+textPart+mid+"\r\n"+markerPart()+last+"\r\n")
		}
	}
	for i, body := range []string{
		"--B1\r\n" + markerPart(), // never closed
		"--B1\r\n" + textPart + "--B1--\r\n--B1\r\n" + markerPart() + "--B1--\r\n",
		"--B1--\r\n--B1\r\n" + markerPart() + "--B1--\r\n",
		"--B1--\r\n" + markerPart(),
		markerPart() + "--B1\r\n" + textPart + "--B1--\r\n",
		"--B1\r\n" + textPart + "--B1--\r\n" + markerPart(),
		"--B1\r\n" + textPart + "--B1--\r\n--B9\r\n" + markerPart() + "--B9--\r\n",
		"--B9\r\n" + markerPart() + "--B9--\r\n--B1\r\n" + textPart + "--B1--\r\n",
		"--B1\r\n--B1\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\n\r\n--B1\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\n\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\n\r\n\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\n \r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\njunk\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\njunk junk\r\nmore\r\n" + markerPart() + "--B1--\r\n",
		"text--B1\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r" + strings.ReplaceAll(markerPart(), "\r\n", "\r") + "--B1--\r\n",
		"--B1\n" + strings.ReplaceAll(markerPart(), "\r\n", "\n") + "--B1--\n",
		"--B1\r\r\n" + strings.ReplaceAll(markerPart(), "\r\n", "\r\r\n") + "--B1--\r\r\n",
		"--B1\n\r" + markerPart() + "--B1--\r\n",
		"\x00--B1\r\n" + markerPart() + "\x00--B1--\r\n",
		"--B1\v" + markerPart() + "--B1--\r\n",
		"--B1\r\n" + textPart + "--B1-- \r\n--B1\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\nContent-Type: multipart/mixed; boundary=B1\r\n\r\n--B1\r\n" + markerPart() + "--B1--\r\n--B1--\r\n",
		"--B1\r\nContent-Type: multipart/mixed; boundary=B1x\r\n\r\n--B1x\r\n" + markerPart() + "--B1x--\r\n--B1--\r\n",
		"--B1\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n" + markerPart() + "--B--\r\n--B1--\r\n",
		"--B1\r\nContent-Type: multipart/mixed; boundary=B7\r\n\r\n--B1\r\n" + textPart + "--B7\r\n" + markerPart() + "--B7--\r\n--B1--\r\n",
		"--B1\r\nContent-Type: multipart/mixed; boundary=B7\r\n\r\n--B7\r\n" + textPart + "--B1\r\n" + textPart + "--B7\r\n" + markerPart() + "--B7--\r\n--B1--\r\n",
		"--B1\r\nContent-Type: multipart/mixed; boundary=B7\r\n\r\n--B7\r\n" + markerPart(),
		"--B1\r\nContent-Type: multipart/mixed\r\n\r\n--B7\r\n" + markerPart() + "--B7--\r\n--B1--\r\n",
		"--B1\r\nContent-Type: text/plain; boundary=B7\r\n\r\n--B7\r\n" + markerPart() + "--B7--\r\n--B1--\r\n",
		"--B1\r\n" + textPart + "\r\n" + markerPart() + "--B1--\r\n",
		"--B1\r\nContent-Type: text/plain\r\n" + markerPart() + "--B1--\r\n",
	} {
		add(fmt.Sprintf("body %d", i), body)
	}
	return out
}

func encodingVariants() []variant {
	var out []variant
	part := func(cte, content string) string {
		return message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+textPart+"--B1\r\n"+markerType+cte+markerDisp+"\r\n"+content+"\r\n--B1--\r\n")
	}
	b64, qp := wrap64(marker(), 76), quoted(marker())
	name := "Content-Transfer-Encoding"
	for _, enc := range []struct{ word, content string }{{"base64", b64}, {"quoted-printable", qp}} {
		for _, f := range []string{
			"%s", "%S", "%s;", "%s ; x=y", "\"%s\"", "'%s'", "(c)%s", "%s(c)", "%s (c)", " %s", "\t%s", "%s x", "x %s", "%s,7bit", "7bit,%s", "7bit %s", "7bit; %s",
			"x-%s", "%s\x00", "\x00%s", "=?us-ascii?Q?%s?=", "\r\n %s", "%s\r\n ", "<%s>", "%s.", ":%s", "; %s", "%s\v", "%s=", "foo", "", "7bit", "8bit", "binary", "%s(", "[%s]",
		} {
			v := strings.ReplaceAll(strings.ReplaceAll(f, "%s", enc.word), "%S", strings.ToUpper(enc.word))
			out = append(out, variant{fmt.Sprintf("encoding %q", v), part(name+": "+v+"\r\n", enc.content), "", true})
		}
		for i, f := range []string{
			name + ": " + enc.word + "\r\n" + name + ": 7bit\r\n", name + ": 7bit\r\n" + name + ": " + enc.word + "\r\n",
			name + ": " + enc.word + "\r\n" + name + ": base64\r\n", name + ": base64\r\n" + name + ": " + enc.word + "\r\n",
			name + ": " + enc.word + "\r\n" + name + ": quoted-printable\r\n", name + ": quoted-printable\r\n" + name + ": " + enc.word + "\r\n",
			name + ": x\r\n" + name + ": " + enc.word + "\r\n" + name + ": y\r\n", name + ":\r\n" + name + ": " + enc.word + "\r\n",
			name + " : " + enc.word + "\r\n", strings.ToLower(name) + ": " + enc.word + "\r\n", "Content-Transfer_Encoding: " + enc.word + "\r\n",
			"Content-Transfer-Encodin: " + enc.word + "\r\n", "X" + name + ": " + enc.word + "\r\n", name + "\x00: " + enc.word + "\r\n",
			name + ": quoted-printable\r\n", name + ": base64\r\n", "",
		} {
			if enc.word == "base64" && i == 14 || enc.word != "base64" && i == 15 {
				f += "" // the declared encoding is not the one in use
			}
			d := ""
			if i < 4 && enc.word == "base64" && i < 2 {
				d = "mime.ambiguous-encoding"
			}
			out = append(out, variant{fmt.Sprintf("encoding fields %s %d", enc.word, i), part(f, enc.content), d, true})
		}
	}
	return out
}

func base64Variants() []variant {
	one := base64.StdEncoding.EncodeToString(marker())
	lines := strings.Split(wrap64(marker(), 60), "\r\n")
	chunks := func(n int, join string) string {
		var b strings.Builder
		m := marker()
		for len(m) > n {
			b.WriteString(base64.StdEncoding.EncodeToString(m[:n]) + join)
			m = m[n:]
		}
		return b.String() + base64.StdEncoding.EncodeToString(m)
	}
	each := func(join string) string { return strings.Join(lines, join) }
	spread := func(s, junk string, n int) string {
		var b strings.Builder
		for i, c := range s {
			if i > 0 && i%n == 0 {
				b.WriteString(junk)
			}
			b.WriteRune(c)
		}
		return b.String()
	}
	contents := map[string]string{
		"one line": one, "short lines": wrap64(marker(), 4), "odd lines": wrap64(marker(), 7), "lines of 1": wrap64(marker(), 1), "no padding": strings.TrimRight(one, "="),
		"extra padding": one + "====", "chunks": chunks(50, ""), "chunks in lines": chunks(50, "\r\n"), "chunks of 1": chunks(1, ""), "chunks of 2": chunks(2, ""), "chunks of 4 lines": chunks(4, "\r\n"),
		"blank lines": each("\r\n\r\n"), "leading blanks": each("\r\n  "), "trailing blanks": each("  \r\n"), "tabs": each("\t\r\n\t"), "leading blank line": "\r\n\r\n" + each("\r\n"),
		"junk chars": spread(one, "!", 10), "junk stars": spread(one, "*#", 13), "junk dots": spread(one, ".", 5), "junk 8 bit": spread(one, "\u00e9", 11), "junk NUL": spread(one, "\x00", 9),
		"junk commas": spread(one, ",", 4), "junk blanks": spread(one, " ", 3), "junk dash": spread(one, "-", 17), "junk underscore": spread(one, "_", 19), "junk colon": spread(one, ":", 21),
		"junk equals": spread(one, "=", 12), "junk double equals": spread(one, "==", 12), "equals in quantum": spread(one, "=", 6), "equals first": "=" + one, "equals line": "====\r\n" + one,
		"junk line": "!!!! this is junk !!!!\r\n" + each("\r\n"), "junk line inside": strings.Join(lines[:2], "\r\n") + "\r\n<junk line here>\r\n" + strings.Join(lines[2:], "\r\n"),
		"junk after": one + "\r\n\r\njunk text behind, with words", "junk after padding": one + "=\r\nQUFB", "list footer": one + "\r\n\r\n_______\r\nlist mailing list\r\nhttp://list.example/\r\n",
		"bare LF": each("\n"), "bare CR": each("\r"), "mixed ends": lines[0] + "\n" + strings.Join(lines[1:], "\r\n"), "CRCRLF": each("\r\r\n"), "VT": each("\v\r\n"), "FF": each("\f"),
		"url alphabet": base64.URLEncoding.EncodeToString(marker()), "url raw": base64.RawURLEncoding.EncodeToString(marker()), "escaped ends": each("=0D=0A"), "soft breaks": each("=\r\n"),
		"quoted": "\"" + one + "\"", "BOM": "\ufeff" + one, "percent": strings.ReplaceAll(one, "=", "%3D"), "qp padding": strings.ReplaceAll(one, "=", "=3D"),
	}
	var out []variant
	for name, c := range contents {
		for _, disp := range []string{markerDisp, ""} {
			raw := message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+textPart+"--B1\r\n"+markerType+"Content-Transfer-Encoding: base64\r\n"+disp+"\r\n"+c+"\r\n--B1--\r\n")
			out = append(out, variant{"base64 " + name, raw, "", true})
		}
		single := topFields + "MIME-Version: 1.0\r\n" + markerType + "Content-Transfer-Encoding: base64\r\n" + markerDisp + "\r\n" + c
		out = append(out, variant{"base64 single " + name, single, "", true})
	}
	return out
}

func quotedVariants() []variant {
	q := quoted(marker())
	contents := map[string]string{
		"plain": q, "lower hex": strings.NewReplacer("=9A", "=9a").Replace(lowerHex(q)), "soft break blanks": strings.ReplaceAll(q, "=\r\n", "=  \r\n"),
		"soft break tab": strings.ReplaceAll(q, "=\r\n", "=\t\r\n"), "soft break LF": strings.ReplaceAll(q, "=\r\n", "=\n"), "soft break CR": strings.ReplaceAll(q, "=\r\n", "=\r"),
		"one line": strings.ReplaceAll(q, "=\r\n", ""), "all escaped": allEscaped(), "trailing soft": q + "=\r\n", "trailing equals": q + "=", "blank soft lines": strings.ReplaceAll(q, "=\r\n", "=\r\n=\r\n"),
		"mixed case hex": strings.ReplaceAll(q, "=C", "=c"), "soft CRCRLF": strings.ReplaceAll(q, "=\r\n", "=\r\r\n"),
	}
	var out []variant
	for name, c := range contents {
		raw := message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+textPart+"--B1\r\n"+markerType+"Content-Transfer-Encoding: quoted-printable\r\n"+markerDisp+"\r\n"+c+"\r\n--B1--\r\n")
		out = append(out, variant{"quoted " + name, raw, "", true})
	}
	return out
}

func lowerHex(q string) string {
	var b strings.Builder
	for i := 0; i < len(q); i++ {
		b.WriteByte(q[i])
		if q[i] == '=' && i+2 < len(q) && q[i+1] != '\r' {
			b.WriteString(strings.ToLower(q[i+1 : i+3]))
			i += 2
		}
	}
	return b.String()
}

func allEscaped() string {
	var b strings.Builder
	for i, c := range marker() {
		if i > 0 && i%24 == 0 {
			b.WriteString("=\r\n")
		}
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

func headerVariants() []variant {
	var out []variant
	b64 := wrap64(marker(), 76)
	cte := "Content-Transfer-Encoding: base64\r\n"
	for i, h := range []string{
		markerType + cte + markerDisp + "\r\n",
		markerType + cte + markerDisp + " \r\n",
		markerType + cte + markerDisp + "\t\r\n",
		markerType + cte + markerDisp, // no blank line
		markerType + cte + markerDisp + "junk without colon\r\n\r\n",
		markerType + "junk without colon\r\n" + cte + markerDisp + "\r\n",
		"junk without colon\r\n" + markerType + cte + markerDisp + "\r\n",
		"\r\n" + markerType + cte + markerDisp + "\r\n",
		" " + markerType + " " + cte + " " + markerDisp + "\r\n",
		" \r\n" + markerType + cte + markerDisp + "\r\n",
		markerType + " \r\n" + cte + markerDisp + "\r\n",
		markerType + "\x00\r\n" + cte + markerDisp + "\r\n",
		strings.ReplaceAll(markerType+cte+markerDisp, ":", " :") + "\r\n",
		strings.ReplaceAll(markerType+cte+markerDisp, ": ", ":") + "\r\n",
		strings.ReplaceAll(markerType+cte+markerDisp, ": ", ":\r\n ") + "\r\n",
		strings.ReplaceAll(markerType+cte+markerDisp, "\r\n", "\n") + "\n",
		strings.ReplaceAll(markerType+cte+markerDisp, "\r\n", "\r") + "\r",
		strings.ToUpper(cte) + markerType + markerDisp + "\r\n",
		cte + markerDisp + "\r\n",
		markerDisp + cte + "\r\n",
		cte + markerType + "\r\n",
		markerType + cte + "Content-Disposition: inline; filename=\"" + markerName + "\"\r\n\r\n",
		markerType + cte + "Content-Disposition: foo; filename=\"" + markerName + "\"\r\n\r\n",
		markerType + cte + "Content-Disposition: attachment\r\nContent-Disposition: inline\r\n\r\n",
		"Content-Type: text/plain; name=" + markerName + "\r\n" + cte + "\r\n",
		"Content-Type: text/plain\r\n" + cte + markerDisp + "\r\n",
		"Content-Type: multipart/mixed\r\n" + cte + markerDisp + "\r\n",
		"Content-Type: multipart/mixed; boundary=nope\r\n" + cte + markerDisp + "\r\n",
		"Content-Type: message/partial; id=a; number=1; total=2\r\n" + cte + markerDisp + "\r\n",
		"Content-Type: message/external-body; access-type=x\r\n" + cte + markerDisp + "\r\n",
		"Content-Type: message/rfc822\r\n" + cte + markerDisp + "\r\n",
		"X-A: " + strings.Repeat("a", 70000) + "\r\n" + markerType + cte + markerDisp + "\r\n",
		strings.Repeat("X-A: b\r\n", 3000) + markerType + cte + markerDisp + "\r\n",
		"Content-Type: text/plain\r\n" + markerType + cte + markerDisp + "\r\n",
		markerType + "Content-Type: text/plain\r\n" + cte + markerDisp + "\r\n",
		"From nobody\r\n" + markerType + cte + markerDisp + "\r\n",
		": x\r\n" + markerType + cte + markerDisp + "\r\n",
		"=20\r\n" + markerType + cte + markerDisp + "\r\n",
	} {
		raw := message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+textPart+"--B1\r\n"+h+b64+"\r\n--B1--\r\n")
		out = append(out, variant{fmt.Sprintf("part header %d", i), raw, "", true})
	}
	ct := "Content-Type: multipart/mixed; boundary=B1\r\n"
	for i, top := range []string{
		"\r\n" + topFields + ct + "\r\n", "\r\n\r\n\n" + topFields + ct + "\r\n", " " + topFields + ct + "\r\n", "From x@y Mon Jan 1 10:10:10 2024\r\n" + topFields + ct + "\r\n",
		topFields + ct + " \r\n", topFields + ct, topFields + "junk\r\n" + ct + "\r\n", "junk\r\n" + topFields + ct + "\r\n", topFields + " \r\n" + ct + "\r\n",
		topFields + ct + "junk line\r\n\r\n", topFields + "MIME-Version: 2.0\r\n" + ct + "\r\n", topFields + "MIME-Version: 1.0 (c)\r\n" + ct + "\r\n", topFields + "MIME-Version:\r\n" + ct + "\r\n",
		strings.ReplaceAll(topFields+ct, "\r\n", "\n") + "\n", strings.ReplaceAll(topFields+ct, "\r\n", "\r\r\n") + "\r\r\n", topFields + "\x00\r\n" + ct + "\r\n",
		topFields + "Content-Transfer-Encoding: base64\r\n" + ct + "\r\n", topFields + "Content-Transfer-Encoding: quoted-printable\r\n" + ct + "\r\n",
		topFields + "Content-Type: text/plain\r\n\r\n" + ct + "\r\n", topFields + "\r\n" + ct + "\r\n", "\ufeff" + topFields + ct + "\r\n", topFields + "\r\n\r\n",
		strings.Repeat("X-Y: z\r\n", 40000) + topFields + ct + "\r\n",
	} {
		out = append(out, variant{fmt.Sprintf("top header %d", i), top + mixed("B1"), "", true})
	}
	whole := message(ct, mixed("B1"))
	out = append(out,
		variant{"all LF", strings.ReplaceAll(whole, "\r\n", "\n"), "", true},
		variant{"all CR", strings.ReplaceAll(whole, "\r\n", "\r"), "mime.bare-cr", true},
		variant{"all LFCR", strings.ReplaceAll(whole, "\r\n", "\n\r"), "mime.bare-cr", true},
		variant{"all CRCRLF", strings.ReplaceAll(whole, "\r\n", "\r\r\n"), "", true},
		variant{"truncated", whole[:len(whole)-10], "", true},
	)
	return out
}

func nestedVariants() []variant {
	inner := message("Content-Type: multipart/mixed; boundary=B1\r\n", mixed("B1"))
	wrapIn := func(typ, cte, content string) string {
		return message("Content-Type: multipart/mixed; boundary=B0\r\n", "--B0\r\n"+textPart+"--B0\r\nContent-Type: "+typ+"\r\n"+cte+"\r\n"+content+"\r\n--B0--\r\n")
	}
	out := []variant{
		{"rfc822", wrapIn("message/rfc822", "", inner), "", true},
		{"rfc822 base64", wrapIn("message/rfc822", "Content-Transfer-Encoding: base64\r\n", wrap64([]byte(inner), 76)), "mime.encoded-message", true},
		{"rfc822 quoted", wrapIn("message/rfc822", "Content-Transfer-Encoding: quoted-printable\r\n", quoted([]byte(inner))), "mime.encoded-message", true},
		{"rfc822 leading blank", wrapIn("message/rfc822", "", "\r\n"+inner), "", true},
		{"rfc822 top", topFields + "Content-Type: message/rfc822\r\n\r\n" + inner, "", true},
		{"global", wrapIn("message/global", "", inner), "", true},
		{"digest", message("Content-Type: multipart/digest; boundary=B0\r\n", "--B0\r\n\r\n"+inner+"\r\n--B0--\r\n"), "", true},
		{"partial first", wrapIn("message/partial; number=1; total=2; id=x", "", inner), "mime.partial", true},
		{"multipart base64", message("Content-Type: multipart/mixed; boundary=B1\r\nContent-Transfer-Encoding: base64\r\n", wrap64([]byte(mixed("B1")), 76)), "mime.encoded-multipart", true},
		{"multipart quoted", message("Content-Type: multipart/mixed; boundary=B1\r\nContent-Transfer-Encoding: quoted-printable\r\n", quoted([]byte(mixed("B1")))), "mime.encoded-multipart", true},
		{"rfc822 base64 twice", wrapIn("message/rfc822", "Content-Transfer-Encoding: base64\r\n",
			wrap64([]byte(wrapIn("message/rfc822", "Content-Transfer-Encoding: base64\r\n", wrap64([]byte(inner), 76))), 76)), "", true},
	}
	for depth := 1; depth <= 40; depth += 3 {
		var b strings.Builder
		for i := range depth {
			fmt.Fprintf(&b, "--N%d\r\nContent-Type: multipart/mixed; boundary=N%d\r\n\r\n", i, i+1)
		}
		fmt.Fprintf(&b, "--N%d\r\n", depth)
		b.WriteString(markerPart())
		d := ""
		if depth >= MaxDepth {
			d = "bound.depth"
		}
		out = append(out, variant{fmt.Sprintf("nested unterminated %d", depth), message("Content-Type: multipart/mixed; boundary=N0\r\n", b.String()), d, true})
	}
	return out
}

func uuVariants() []variant {
	uu := uuEncode(marker())
	y := yEncode(marker())
	text := func(ct, body string) string { return topFields + ct + "\r\n" + body }
	return []variant{
		{"uuencode", text("", "see file\r\n\r\nbegin 644 "+markerName+"\r\n"+uu+"`\r\nend\r\n"), "mime.uuencode", true},
		{"uuencode blanks", text("", "begin 644 "+markerName+"\r\n"+strings.ReplaceAll(uu, "`", " ")+" \r\nend\r\n"), "mime.uuencode", true},
		{"uuencode unterminated", text("", "begin 0644 "+markerName+"\r\n"+uu), "mime.uuencode", true},
		{"uuencode in part", message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\nContent-Type: text/plain\r\n\r\nbegin 755 "+markerName+"\r\n"+uu+"`\r\nend\r\n--B1--\r\n"), "mime.uuencode", true},
		{"uuencode in base64", text("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n", wrap64([]byte("begin 644 "+markerName+"\r\n"+uu+"`\r\nend\r\n"), 76)), "mime.uuencode", true},
		{"begin-base64", text("", "begin-base64 644 "+markerName+"\r\n"+wrap64(marker(), 60)+"\r\n====\r\n"), "mime.uuencode", true},
		{"uuencode CTE", message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+markerType+"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n"+uu+"`\r\nend\r\n--B1--\r\n"), "", true},
		{"uuencode LF", strings.ReplaceAll(text("", "begin 644 "+markerName+"\r\n"+uu+"`\r\nend\r\n"), "\r\n", "\n"), "mime.uuencode", true},
		{"yenc", text("", "=ybegin line=128 size=172 name="+markerName+"\r\n"+y+"\r\n=yend size=172\r\n"), "mime.yenc", true},
	}
}

func uuEncode(b []byte) string {
	var out strings.Builder
	put := func(v byte) {
		if v == 0 {
			out.WriteByte('`')
		} else {
			out.WriteByte(v + ' ')
		}
	}
	for len(b) > 0 {
		n := min(len(b), 45)
		line := append([]byte{}, b[:n]...)
		b = b[n:]
		put(byte(n))
		for len(line)%3 != 0 {
			line = append(line, 0)
		}
		for i := 0; i < len(line); i += 3 {
			put(line[i] >> 2)
			put(line[i]<<4&63 | line[i+1]>>4)
			put(line[i+1]<<2&63 | line[i+2]>>6)
			put(line[i+2] & 63)
		}
		out.WriteString("\r\n")
	}
	return out.String()
}

func yEncode(b []byte) string {
	var out strings.Builder
	for i, c := range b {
		c += 42
		if c == 0 || c == '\r' || c == '\n' || c == '=' || c == '.' {
			out.WriteByte('=')
			c += 64
		}
		out.WriteByte(c)
		if i%100 == 99 {
			out.WriteString("\r\n")
		}
	}
	return out.String()
}

// nameVariants hides the file name; the content is in plain sight.
func nameVariants() []variant {
	var out []variant
	part := func(fields string) string {
		return message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+textPart+"--B1\r\n"+fields+"Content-Transfer-Encoding: base64\r\n\r\n"+wrap64(marker(), 76)+"\r\n--B1--\r\n")
	}
	for i, f := range []string{
		`filename=marker.exe`, `filename="marker.exe"`, `FileName="marker.exe"`, `filename*=utf-8''marker.exe`, `filename*=marker.exe`, `filename*="utf-8''marker.exe"`,
		`filename*=us-ascii'en-us'%6Darker.exe`, `filename*0=marker; filename*1=.exe`, `filename*1=.exe; filename*0=marker`, `filename*0*=utf-8''marker; filename*1*=%2Eexe`,
		`filename*0="mark"; filename*1="er"; filename*2=".exe"`, `filename*0*=utf-8''mark; filename*1=er.exe`, `filename=x.txt; filename=marker.exe`, `filename=marker.exe; filename=x.txt`,
		`filename=x.txt; filename*=utf-8''marker.exe`, `filename*=utf-8''x.txt; filename=marker.exe`, `filename*0=x.txt; filename=marker.exe`, `filename="=?utf-8?B?bWFya2VyLmV4ZQ==?="`,
		`filename==?utf-8?Q?marker.exe?=`, `filename="=?utf-8?Q?mark?= =?utf-8?Q?er.exe?="`, `filename="=?utf-8?Q?marker?=.exe"`, `filename="=?utf-8?B?bWFya2VyLmV4ZQ?="`, "filename=\"=?utf-8?Q?mark?=\r\n =?utf-8?Q?er.exe?=\"",
		`filename="marker.exe`, `filename=marker.exe"`, `filename='marker.exe'`, `filename = "marker.exe"`, `(c)filename=marker.exe`, `filename(c)=marker.exe`, `filename=(c)marker.exe`, `filename=marker.exe(c)`,
		`filename="mark\er.exe"`, `filename="marker.exe" ; x`, `filename=marker.exe;`, "filename=\r\n marker.exe", "filename=\"mark\r\n er.exe\"", `x="; filename=x.txt"; filename=marker.exe`, `filename=%6Darker.exe`,
		"filename=\"mar\x00ker.exe\"", "filename=\"marker.exe\x00.txt\"", `name=marker.exe`, `filename="marker.exe"; filename="marker.txt"`, `filename*2=.exe; filename*0=mark; filename*1=er`,
		`filename*0=marker; filename*0=x; filename*1=.exe`, `filename=marker.exe foo`, `filename*=utf-8'marker.exe`, `filename*=utf-16''marker.exe; filename=marker.exe`,
	} {
		out = append(out, variant{fmt.Sprintf("disposition name %d %q", i, f), part("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; " + f + "\r\n"), "", true})
		g := strings.ReplaceAll(strings.ReplaceAll(f, "filename", "name"), "FileName", "Name")
		out = append(out, variant{fmt.Sprintf("type name %d %q", i, g), part("Content-Type: application/octet-stream; " + g + "\r\n"), "", true})
	}
	for i, f := range []string{
		"Content-Disposition: attachment; filename=x.txt\r\nContent-Disposition: attachment; filename=marker.exe\r\n",
		"Content-Disposition: attachment; filename=marker.exe\r\nContent-Disposition: attachment; filename=x.txt\r\n",
		"Content-Type: application/octet-stream; name=marker.exe\r\nContent-Disposition: attachment; filename=x.txt\r\n",
		"Content-Type: application/octet-stream; name=x.txt\r\nContent-Disposition: attachment; filename=marker.exe\r\n",
		"Content-Type: application/octet-stream; name=x.txt\r\nContent-Type: application/octet-stream; name=marker.exe\r\n",
		"Content-Disposition: attachment filename=marker.exe\r\n", "Content-Disposition: filename=marker.exe\r\n", "Content-Disposition: ;filename=marker.exe\r\n",
		"Content-Disposition: attachment, filename=marker.exe\r\n", "Content_Disposition: attachment; filename=marker.exe\r\n", "Content-Disposition: attachment\r\nContent-Location: http://h.example/marker.exe\r\n",
		"Content-Disposition: attachment\r\nContent-Description: marker.exe\r\n",
	} {
		out = append(out, variant{fmt.Sprintf("name fields %d", i), part(f), "", true})
	}
	return out
}

func TestAmbiguities(t *testing.T) {
	total := 0
	for _, g := range []struct {
		name string
		vs   []variant
	}{
		{"boundary", boundaryVariants()}, {"type", typeVariants()}, {"delimiter", delimiterVariants()}, {"encoding", encodingVariants()}, {"base64", base64Variants()},
		{"quoted", quotedVariants()}, {"header", headerVariants()}, {"nested", nestedVariants()}, {"uu", uuVariants()}, {"name", nameVariants()},
	} {
		t.Run(g.name, func(t *testing.T) { check(t, g.vs) })
		total += len(g.vs)
	}
	if total < 300 {
		t.Errorf("%d variants, want at least 300", total)
	}
	t.Logf("%d variants", total)
}
