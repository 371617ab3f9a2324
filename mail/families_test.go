package mail

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// The variants of this file add what clients and libraries are known to accept
// beyond the grammar mutations of ambiguity_test.go.

func plainPart(fields, content string) string {
	return message("Content-Type: multipart/mixed; boundary=B1\r\n", "--B1\r\n"+textPart+"--B1\r\n"+fields+"\r\n"+content+"\r\n--B1--\r\n")
}

// longBoundaryVariants: boundaries longer than 70 characters, and such that
// begin with one another.
func longBoundaryVariants() []variant {
	var out []variant
	add := func(name, ct, body string) {
		out = append(out, variant{"long " + name, message(ct, body), "", true})
	}
	for _, n := range []int{69, 70, 71, 100, 255, 998, 2000} {
		b := strings.Repeat("b", n)
		ct := "Content-Type: multipart/mixed; boundary=\"" + b + "\"\r\n"
		add(fmt.Sprintf("%d", n), ct, mixed(b))
		if n > 70 {
			add(fmt.Sprintf("%d cut in body", n), ct, mixed(b[:70]))
			add(fmt.Sprintf("%d cut and whole", n), ct, benign(b)+mixed(b[:70]))
		}
		add(fmt.Sprintf("%d longer in body", n), ct, mixed(b+"x"))
	}
	for i, pair := range [][2]string{{"B1", "B1B1"}, {"B1B1", "B1"}, {"B", "B1"}, {"B1-", "B1"}, {"B1", "B1-"}, {"B1--", "B1"}, {"B1", "B1--"}, {"-B1", "B1"}} {
		outer := "Content-Type: multipart/mixed; boundary=\"" + pair[0] + "\"\r\n"
		inner := "Content-Type: multipart/mixed; boundary=\"" + pair[1] + "\"\r\n\r\n" + mixed(pair[1])
		add(fmt.Sprintf("prefix %d", i), outer, "--"+pair[0]+"\r\n"+textPart+"--"+pair[0]+"\r\n"+inner+"--"+pair[0]+"--\r\n")
		add(fmt.Sprintf("prefix twice %d", i), "Content-Type: multipart/mixed; boundary=\""+pair[0]+"\"; boundary=\""+pair[1]+"\"\r\n", benign(pair[0])+mixed(pair[1]))
	}
	for i, b := range []string{" ", "  B1", "B1  ", "B 1", "B1:2", "B1/2", "B1?", "B=1", "B(1)", "B,1", "'B1'", "B1'", "=_B1", "----B1", "--", "-", "B1\\", "ünï", "\xff\xfe", "%42", "+", "B\t1", "B;1", "B\"1"} {
		add(fmt.Sprintf("odd %d %q", i, b), "Content-Type: multipart/mixed; boundary=\""+strings.ReplaceAll(strings.ReplaceAll(b, `\`, `\\`), `"`, `\"`)+"\"\r\n", mixed(b))
		add(fmt.Sprintf("odd bare %d %q", i, b), "Content-Type: multipart/mixed; boundary="+b+"\r\n", mixed(strings.TrimSpace(b)))
	}
	for i, f := range []string{`boundary=`, `boundary=""`, `boundary`, ``, `boundary=;`, `boundary*=`, `boundary*=''`, `boundary*0=`, `boundary=" "`, "boundary=\"\t\""} {
		add(fmt.Sprintf("none %d", i), "Content-Type: multipart/mixed; "+f+"\r\n", mixed(""))
		add(fmt.Sprintf("none but used %d", i), "Content-Type: multipart/mixed; "+f+"\r\n", mixed("B1"))
	}
	return out
}

// tokenVariants folds and comments a header in the middle of tokens.
func tokenVariants() []variant {
	var out []variant
	add := func(name, h string) {
		out = append(out, variant{"token " + name, plainPart(h, wrap64(marker(), 76)), "", true})
	}
	whole := "Content-Type: application/octet-stream; name=\"marker.exe\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"marker.exe\"\r\n"
	for _, old := range []string{"application/", "octet-", "; name", "name=", "base64", "attachment;", "filename="} {
		for _, glue := range []string{"\r\n ", "\r\n\t", "\n ", "\r\n \r\n ", "(c)", " (c) ", "(c\r\n c)", "\r ", "\t", " "} {
			for _, before := range []bool{false, true} {
				n := old + glue
				if before {
					n = glue + old
				}
				if h := strings.Replace(whole, old, n, 1); !strings.Contains(h, ": (c\r\n") {
					add(fmt.Sprintf("%q %q %v", old, glue, before), h)
				}
			}
		}
	}
	for _, w := range []string{"ba\r\n se64", "ba(c)se64", "base 64", "base\t64", "base-64", "BASE64", "BaSe64", "base64 (7bit)", "(7bit) base64", "base64;7bit", "=?utf-8?Q?base64?=", "base64\x00x", "base64\xa0", "ｂａｓｅ６４", "base64\"", "\"base\"64", "base\\64", "base64\r", "base64base64", "8base64", "mime64", "radix64", "x-base64", "application/base64"} {
		add(fmt.Sprintf("cte %q", w), strings.Replace(whole, "base64", w, 1))
	}
	for _, sep := range []string{"\r", "\n", "\r\r\n", "\n\r", "\r\n\r", "\v\r\n", "\x1e"} {
		add(fmt.Sprintf("line end %q", sep), strings.ReplaceAll(whole, "\r\n", sep))
	}
	return out
}

// headerFormVariants: what stands before, between and around the fields.
func headerFormVariants() []variant {
	var out []variant
	add := func(name, raw string) { out = append(out, variant{"form " + name, raw, "", true}) }
	ct := "Content-Type: multipart/mixed; boundary=B1\r\n"
	body := mixed("B1")
	for i, top := range []string{
		"From a@b Mon Jan  1 10:10:10 2024\n" + topFields, ">From a@b Mon Jan  1 10:10:10 2024\r\n" + topFields, "\r\nFrom a@b x\r\n" + topFields, "From a@b x\r\n\r\n" + topFields,
		"\ufeff\r\n" + topFields, "\x00" + topFields, "\x00\r\n" + topFields, " \r\n" + topFields, "\t\r\n \r\n" + topFields, "\v\r\n" + topFields, "\r" + topFields, "\n\n" + topFields,
		"Return-Path: <>\r\n\r\n" + topFields, "X-\xff\xfe: \xff\r\n" + topFields, "X-A: \x00\x00\r\n" + topFields, "\xff\xfe\r\n" + topFields, "{junk}\r\n" + topFields,
		"HTTP/1.1 200 OK\r\n" + topFields, "250 OK\r\n" + topFields, ".\r\n" + topFields, "X:\r\n" + topFields, ":\r\n" + topFields, "-----\r\n" + topFields, "--B1\r\n" + topFields, "=\r\n" + topFields,
	} {
		add(fmt.Sprintf("top %d", i), top+"MIME-Version: 1.0\r\n"+ct+"\r\n"+body)
		add(fmt.Sprintf("top without version %d", i), top+ct+"\r\n"+body)
		add(fmt.Sprintf("type first %d", i), strings.Replace(top, topFields, ct+topFields, 1)+"\r\n"+body)
	}
	fields := []string{ct, "Content-Type: text/plain\r\n", "Content-Type: multipart/mixed; boundary=B2\r\n", "Content-Type: multipart/alternative\r\n", "Content-Type: text/html; boundary=B1\r\n", "Content-Type\r\n", "Content-Type:\r\n", "content-type : message/rfc822\r\n"}
	for i, a := range fields {
		for k, b := range fields {
			if i != 0 && i != 4 && k != 0 && k != 4 {
				continue // the boundary must be somewhere
			}
			add(fmt.Sprintf("types %d %d", i, k), topFields+a+b+"\r\n"+body)
			add(fmt.Sprintf("types apart %d %d", i, k), a+topFields+b+"\r\n"+body)
			part := strings.Replace(markerPart(), markerType, a+b, 1)
			add(fmt.Sprintf("part types %d %d", i, k), message("Content-Type: multipart/mixed; boundary=B0\r\n", "--B0\r\n"+textPart+"--B0\r\n"+part+"--B0--\r\n"))
		}
	}
	return out
}

// base64FormVariants: more of what base64 decoders accept.
func base64FormVariants() []variant {
	var out []variant
	m := marker()
	enc := base64.StdEncoding.EncodeToString
	half := len(m) / 2
	for name, c := range map[string]string{
		"two blocks":            enc(m[:half]) + enc(m[half:]),
		"two blocks apart":      enc(m[:half]) + "\r\n\r\n" + enc(m[half:]),
		"three uneven blocks":   enc(m[:31]) + "\r\n" + enc(m[31:100]) + "\r\n" + enc(m[100:]),
		"equals everywhere":     strings.Join(strings.Split(enc(m), ""), "="),
		"equals at line starts": strings.ReplaceAll(wrap64(m, 60), "\r\n", "\r\n="),
		"equals at line ends":   strings.ReplaceAll(wrap64(m, 60), "\r\n", "=\r\n"),
		"data after padding":    enc(m) + "\r\nQUJD\r\n",
		"prose after":           wrap64(m, 76) + "\r\n\r\nthat was the file, see you soon.\r\n",
		"quoted lines":          "> " + strings.ReplaceAll(wrap64(m, 72), "\r\n", "\r\n> "),
		"zero width":            strings.ReplaceAll(enc(m), "A", "\u200bA"),
		"soft hyphens":          strings.ReplaceAll(enc(m), "A", "\u00adA"),
		"escaped in QP":         strings.NewReplacer("+", "=2B", "/", "=2F", "=", "=3D").Replace(wrap64(m, 60)),
	} {
		out = append(out, variant{"base64 form " + name, plainPart(markerType+"Content-Transfer-Encoding: base64\r\n"+markerDisp, c), "", true})
		if !strings.Contains(name, "equals") && name != "quoted lines" && name != "zero width" && name != "soft hyphens" {
			out = append(out, variant{"base64 undeclared " + name, plainPart(markerType+markerDisp, c), "", true})
		}
	}
	return out
}

// containerVariants nests the marker in everything that holds parts.
func containerVariants() []variant {
	var out []variant
	add := func(name, raw, defect string) { out = append(out, variant{"container " + name, raw, defect, true}) }
	inner := message("Content-Type: multipart/mixed; boundary=B1\r\n", mixed("B1"))
	wrap := func(h, content string) string {
		return message("Content-Type: multipart/mixed; boundary=B0\r\n", "--B0\r\n"+textPart+"--B0\r\n"+h+"\r\n"+content+"\r\n--B0--\r\n")
	}
	for _, typ := range []string{"message/rfc822", "message/global", "message/news", "message/RFC822", "Message/rfc822; charset=x", "message/http", "message/x", "message/rfc2822", "application/x-email", "text/rfc822", "application/octet-stream; name=x.eml"} {
		add(typ, wrap("Content-Type: "+typ+"\r\n", inner), "")
		add(typ+" base64", wrap("Content-Type: "+typ+"\r\nContent-Transfer-Encoding: base64\r\n", wrap64([]byte(inner), 76)), "")
		add(typ+" quoted", wrap("Content-Type: "+typ+"\r\nContent-Transfer-Encoding: quoted-printable\r\n", quoted([]byte(inner))), "")
		add(typ+" uu", wrap("Content-Type: "+typ+"\r\nContent-Transfer-Encoding: x-uuencode\r\n", "begin 644 x\r\n"+uuEncode([]byte(inner))+"`\r\nend"), "")
		add(typ+" undeclared base64", wrap("Content-Type: "+typ+"\r\n", wrap64([]byte(inner), 76)), "")
		add("top "+typ, topFields+"Content-Type: "+typ+"\r\n\r\n"+inner, "")
	}
	for _, typ := range []string{"mixed", "appledouble", "encrypted", "x-mixed-replace", "byteranges", "header-set", "voice-message", "related; type=\"text/html\"", "report; report-type=x", "signed; protocol=x; micalg=y"} {
		body := "Content-Type: multipart/" + typ + "; boundary=B1\r\n"
		add(typ, wrap(body, mixed("B1")), "")
		add(typ+" base64", wrap(body+"Content-Transfer-Encoding: base64\r\n", wrap64([]byte(mixed("B1")), 76)), "mime.encoded-multipart")
		add(typ+" quoted", wrap(body+"Content-Transfer-Encoding: quoted-printable\r\n", quoted([]byte(mixed("B1")))), "mime.encoded-multipart")
		add(typ+" undeclared", wrap(body, wrap64([]byte(mixed("B1")), 76)), "")
		add(typ+" uu", wrap(body+"Content-Transfer-Encoding: x-uuencode\r\n", "begin 644 x\r\n"+uuEncode([]byte(mixed("B1")))+"`\r\nend"), "mime.encoded-multipart")
	}
	top := "Content-Type: multipart/mixed; boundary=B1\r\n"
	add("preamble", message(top, markerPart()+benign("B1")), "mime.undeclared-part")
	add("preamble behind text", message(top, "This is a message in MIME format.\r\n\r\n"+markerPart()+benign("B1")), "mime.undeclared-part")
	add("epilogue", message(top, benign("B1")+markerPart()), "mime.undeclared-part")
	add("epilogue with delimiters", message(top, benign("B1")+"--B1\r\n"+markerPart()), "mime.parts-after-close")
	add("epilogue of other boundary", message(top, benign("B1")+mixed("B5")), "mime.undeclared-part")
	add("uu in preamble", message(top, "begin 644 marker.exe\r\n"+uuEncode(marker())+"`\r\nend\r\n"+benign("B1")), "mime.uuencode")
	add("uu in epilogue", message(top, benign("B1")+"begin 644 marker.exe\r\n"+uuEncode(marker())+"`\r\nend\r\n"), "mime.uuencode")
	add("uu in html", message("Content-Type: text/html\r\n", "<pre>\r\nbegin 644 marker.exe\r\n"+uuEncode(marker())+"`\r\nend\r\n</pre>"), "mime.uuencode")
	return out
}

// uuFormVariants: uuencode and yEnc in the forms that clients still decode.
func uuFormVariants() []variant {
	uu, y := uuEncode(marker()), yEncode(marker())
	lines := strings.SplitAfter(uu, "\r\n")
	text := func(body string) string { return topFields + "\r\n" + body }
	var out []variant
	add := func(name, body, defect string) {
		out = append(out, variant{"uu form " + name, text(body), defect, true})
	}
	file := "begin 644 marker.exe\r\n"
	add("three digits more", "begin 100644 marker.exe\r\n"+uu+"`\r\nend\r\n", "mime.uuencode")
	add("quoted name", "begin 644 \"marker.exe\"\r\n"+uu+"`\r\nend\r\n", "mime.uuencode")
	add("tab", "begin\t644\tmarker.exe\r\n"+uu+"`\r\nend\r\n", "mime.uuencode")
	add("checksum column", file+strings.ReplaceAll(uu, "\r\n", "M\r\n")+"`\r\nend\r\n", "mime.uuencode")
	add("blank lines", file+strings.ReplaceAll(uu, "\r\n", "\r\n\r\n")+"`\r\nend\r\n", "mime.uuencode")
	add("blanks behind", file+strings.ReplaceAll(uu, "\r\n", "   \r\n")+"`\r\nend\r\n", "mime.uuencode")
	add("blanks cut off", file+strings.ReplaceAll(strings.ReplaceAll(uu, "`", " "), " \r\n", "\r\n")+"end\r\n", "mime.uuencode")
	add("zero line inside", file+lines[0]+"`\r\n"+strings.Join(lines[1:], "")+"`\r\nend\r\n", "mime.uuencode")
	add("no end", file+uu+"\r\n\r\nregards\r\n", "mime.uuencode")
	add("second file", "begin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n"+file+uu+"`\r\nend\r\n", "mime.uuencode")
	add("words begin before", "let us begin here\r\nbegin with care\r\nbegin 644 and all\r\n\r\n"+file+uu+"`\r\nend\r\n", "mime.uuencode")
	add("short length", file+"0"+lines[0][1:]+strings.Join(lines[1:], "")+"`\r\nend\r\n", "")
	add("yenc part", "=ybegin part=1 total=1 line=128 size=172 name=marker.exe\r\n=ypart begin=1 end=172\r\n"+y+"\r\n=yend size=172 part=1\r\n", "mime.yenc")
	half := strings.Index(y, "\r\n")
	add("yenc two parts", "=ybegin part=1 total=2 line=128 size=172 name=marker.exe\r\n=ypart begin=1 end=100\r\n"+y[:half]+"\r\n=yend size=100 part=1\r\n\r\n"+
		"=ybegin part=2 total=2 line=128 size=172 name=marker.exe\r\n=ypart begin=101 end=172\r\n"+y[half+2:]+"\r\n=yend size=72 part=2\r\n", "mime.yenc")
	return out
}

// fileNameVariants sets names against names.
func fileNameVariants() []variant {
	var out []variant
	add := func(fields string) {
		out = append(out, variant{fmt.Sprintf("names %q", fields), plainPart(fields+"Content-Transfer-Encoding: base64\r\n", wrap64(marker(), 76)), "", true})
	}
	forms := []string{"%s=x.txt", "%s=\"x.txt\"", "%s*=utf-8''x.txt", "%s*0=x; %s*1=.txt", "%s=\"=?utf-8?Q?x.txt?=\"", "%s="}
	real := []string{"%s=marker.exe", "%s=\"marker.exe\"", "%s*=utf-8''marker%%2Eexe", "%s*=bogus''marker%%2Eexe", "%s*0=mark; %s*1=er.exe", "%s*0*=utf-8''mark; %s*1*=er%%2Eexe",
		"%s=\"=?utf-8?Q?marker=2Eexe?=\"", "%s=\"=?bogus?Q?marker=2Eexe?=\"", "%s==?utf-8?B?bWFya2VyLmV4ZQ==?=", "%s*=utf-7''marker.exe", "%s*=''marker.exe", "%s*=utf-8'marker.exe", "%s*=%%6Darker.exe"}
	fill := func(f, name string) string {
		return strings.ReplaceAll(strings.ReplaceAll(f, "%s", name), "%%", "%")
	}
	for _, r := range real {
		for _, f := range forms {
			add("Content-Disposition: attachment; " + fill(f, "filename") + "; " + fill(r, "filename") + "\r\n")
			add("Content-Disposition: attachment; " + fill(r, "filename") + "; " + fill(f, "filename") + "\r\n")
			add("Content-Type: text/plain; " + fill(f, "name") + "\r\nContent-Disposition: attachment; " + fill(r, "filename") + "\r\n")
			add("Content-Type: text/plain; " + fill(r, "name") + "\r\nContent-Disposition: attachment; " + fill(f, "filename") + "\r\n")
		}
	}
	return out
}

func TestFamilies(t *testing.T) {
	total := 0
	for _, g := range []struct {
		name string
		vs   []variant
	}{
		{"boundary", longBoundaryVariants()}, {"token", tokenVariants()}, {"form", headerFormVariants()}, {"base64", base64FormVariants()},
		{"container", containerVariants()}, {"uu", uuFormVariants()}, {"names", fileNameVariants()},
	} {
		t.Run(g.name, func(t *testing.T) { check(t, g.vs) })
		total += len(g.vs)
	}
	t.Logf("%d variants", total)
}
