package sender

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"foregate/mail"
)

// A shape is a value with what changes from message to message taken out.

// shapeOfHost takes the numbers out of a host name: "mail-pl1-f174.google.com"
// and "mail-ot1-f71.google.com" are of one farm ("mail-#-#.google.com").
func shapeOfHost(host string) string {
	host = strings.ToLower(strings.Trim(host, "."))
	root := rootOf(host)
	sub := strings.TrimSuffix(strings.TrimSuffix(host, root), ".")
	if root == "" || strings.HasPrefix(host, "[") {
		return ""
	}
	var b strings.Builder
	for i, word := range strings.FieldsFunc(sub, func(r rune) bool { return r == '-' || r == '.' }) {
		if i > 0 {
			b.WriteByte('-')
		}
		if strings.ContainsAny(word, "0123456789") {
			word = strings.TrimRight(word, "0123456789")
			if strings.ContainsAny(word, "0123456789") || len(word) < 3 {
				word = ""
			}
			word += "#"
		}
		b.WriteString(word)
	}
	// Long names are generated ("a2001cd01-0.example.com"): only their depth is
	// of the farm.
	if b.Len() > 20 {
		return strings.Repeat("*.", strings.Count(sub, ".")+1) + root
	}
	return b.String() + "." + root
}

// shapeOfMessageID keeps how the left side is made and whose domain stands at
// the right.
func shapeOfMessageID(id string) string {
	id = strings.Trim(id, "<> \t")
	if id == "" {
		return ""
	}
	at := strings.LastIndexByte(id, '@')
	if at < 0 {
		return "no-at"
	}
	left, right := id[:at], rootOf(id[at+1:])
	if strings.HasPrefix(left, "CA") && len(left) > 40 || strings.ContainsAny(left, "=+") {
		return "random@" + right
	}
	var b strings.Builder
	for i, w := range strings.FieldsFunc(left, func(r rune) bool { return strings.ContainsRune(".$-_%", r) }) {
		if i == 6 { // enough to tell programs apart
			break
		}
		b.WriteString(class(w))
	}
	return b.String() + "@" + right
}

// class is the alphabet and rough length of a word: numbers, hexadecimal, upper,
// lower or mixed case.
func class(w string) string {
	digits, hex, upper, lower := true, true, false, false
	for _, r := range w {
		isDigit := r >= '0' && r <= '9'
		digits = digits && isDigit
		hex = hex && (isDigit || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F')
		upper = upper || unicode.IsUpper(r)
		lower = lower || unicode.IsLower(r)
	}
	size := "s"
	if len(w) > 16 {
		size = "l"
	} else if len(w) > 6 {
		size = "m"
	}
	switch {
	case digits && len(w) > 8: // shorter ones may be hexadecimal by chance
		return "0" + size
	case hex:
		return "h" + size
	case upper && lower:
		return "m" + size
	case upper:
		return "U" + size
	}
	return "l" + size
}

// shapeOfBoundary keeps the punctuation and fixed words of a MIME boundary.
func shapeOfBoundary(contentType string) string {
	i := strings.Index(strings.ToLower(contentType), "boundary=")
	if i < 0 {
		return ""
	}
	v := contentType[i+len("boundary="):]
	quoted := strings.HasPrefix(v, `"`)
	v = strings.TrimPrefix(v, `"`)
	if end := strings.IndexAny(v, "\";\r\n"); end >= 0 {
		v = v[:end]
	}
	var b strings.Builder
	if quoted {
		b.WriteByte('"')
	}
	words := strings.FieldsFunc(v, func(r rune) bool { return !isAlnum(r) })
	for len(v) > 0 && len(words) > 0 {
		at := strings.Index(v, words[0])
		b.WriteString(v[:at])
		if fixedWord(words[0]) {
			b.WriteString(words[0])
		} else {
			b.WriteByte('x')
		}
		v, words = v[at+len(words[0]):], words[1:]
	}
	b.WriteString(v)
	return b.String()
}

// fixedWord tells words that programs put into every boundary.
func fixedWord(w string) bool {
	switch w {
	case "Apple", "Mail", "NextPart", "Part", "Boundary", "MARK", "alt", "mix", "rel", "000", "001", "002", "003", "004":
		return true
	}
	return false
}

func isAlnum(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// shapeOfDate keeps how a date is written: weekday, leading zero, seconds, how
// the zone is named.
func shapeOfDate(v string) string {
	var b strings.Builder
	for i, w := range strings.Fields(v) {
		if i == 8 { // a date has no more
			break
		}
		switch {
		case strings.HasPrefix(w, "+") || strings.HasPrefix(w, "-"):
			b.WriteString("+")
		case strings.Contains(w, ":"):
			fmt.Fprintf(&b, "t%d", len(w))
		case w[0] >= '0' && w[0] <= '9':
			if len(w) == 2 && w[0] != '0' {
				b.WriteString("d") // 10 to 31 do not tell
				continue
			}
			if len(w) <= 2 {
				b.WriteString("d")
				if w[0] == '0' {
					b.WriteString("0")
				}
				continue
			}
			b.WriteString("y")
		case strings.HasPrefix(w, "("):
			b.WriteString("(")
		case strings.HasSuffix(w, ","):
			b.WriteString("w,")
		default:
			b.WriteString("m")
		}
	}
	// Days below ten are written with or without a zero; both readings of the
	// same program meet here.
	return strings.ReplaceAll(b.String(), "d0", "d")
}

// mailerOf names the program that wrote a message without its version, "" when
// nothing tells.
func mailerOf(m *mail.Message) string {
	name := m.Headers.Mailer
	for i, r := range name {
		if i >= 40 || r == '/' || r == '(' || r == '[' || r >= '0' && r <= '9' || r == ',' {
			name = name[:i]
			break
		}
	}
	name = strings.Trim(strings.ToValidUTF8(name, ""), " -vV.")
	if name != "" {
		return name
	}
	id := strings.ToLower(m.Headers.MessageID)
	switch {
	case strings.HasSuffix(id, "@mail.gmail.com>"):
		return "Gmail"
	case strings.HasSuffix(id, ".outlook.com>") || strings.Contains(id, ".prod."):
		return "Outlook"
	case strings.HasSuffix(id, "@email.amazonses.com>"):
		return "Amazon SES"
	}
	return unnamed
}

// unnamed is the mailer of a message that names none.
const unnamed = "no named program"

// mailers are programs whose names an explanation can give although only their
// hash is kept.
func mailers() []string {
	return []string{
		unnamed, "Gmail", "Outlook", "Amazon SES", "Mozilla Thunderbird", "Apple Mail", "iPhone Mail", "Microsoft Outlook",
		"Microsoft Office Outlook, Build", "Mutt", "NeoMutt", "git-send-email", "KMail", "Evolution", "Roundcube Webmail",
		"Horde Application Framework", "PHPMailer", "SquirrelMail", "Zimbra", "Claws Mail", "Sylpheed", "Postbox",
		"eM Client", "The Bat!", "Betterbird", "K-", "Lotus Notes Release", "Airmail", "Spark", "SOGoMail", "Open-Xchange Mailer",
		"Microsoft-MacOutlook", "YahooMailService", "WebService", "Gnus", "b4", "aerc", "Alpine",
	}
}

func zoneText(minutes int) string {
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf("%c%02d%02d", sign, minutes/60, minutes%60)
}

func minutesOf(n int) time.Duration { return time.Duration(n) * time.Minute }

// firstWord is the text up to the first space.
func firstWord(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, " \t("); i >= 0 {
		return s[:i]
	}
	return s
}

// fileKind is what an attachment is, coarsely.
func fileKind(a *mail.Attachment) string {
	switch a.FileExtension {
	case "doc", "docx", "docm", "odt", "rtf", "xls", "xlsx", "xlsm", "ods", "ppt", "pptx":
		return "office"
	case "pdf":
		return "pdf"
	case "htm", "html", "shtml", "xhtml", "mht", "svg":
		return "page"
	case "zip", "rar", "7z", "gz", "tar", "iso", "img", "cab":
		return "archive"
	case "exe", "js", "vbs", "scr", "lnk", "bat", "cmd", "ps1", "jar", "msi", "hta", "wsf":
		return "program"
	case "png", "jpg", "jpeg", "gif", "webp", "heic", "bmp", "tif", "tiff":
		return "picture"
	case "ics", "vcf", "asc", "p7s", "p7m", "sig":
		return "token"
	case "txt", "log", "patch", "diff", "csv", "eml":
		return "text"
	}
	return "other"
}
