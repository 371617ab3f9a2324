package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// letter is what a mail program is given to write.
type letter struct {
	from, name, to string
	subject, text  string
	html           bool
	date           time.Time
	host           string // right side of the Message-ID for programs that use their host or domain
	inReplyTo      string
	attachment     string // file name, "" for none
}

// client writes letters as one mail program does: the order and case of its
// header fields, its boundaries, its Message-IDs, its name.
type client struct {
	name  string
	order []string // header fields from the top
	id    func(r *rand.Rand, l letter) string
	bound func(r *rand.Rand) string
	agent string // header line that names the program, "" for none
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// random is n characters of an alphabet.
func random(r *rand.Rand, alphabet string, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func hex(r *rand.Rand, n int) string { return random(r, "0123456789abcdef", n) }

func uuid(r *rand.Rand) string {
	return strings.Join([]string{hex(r, 8), hex(r, 4), hex(r, 4), hex(r, 4), hex(r, 12)}, "-")
}

// clients are programs that people and machines write with; the first
// peopleClients are people's.
func clients() []client {
	return []client{
		{"Thunderbird", []string{"Content-Type", "Message-ID", "Date", "MIME-Version", "User-Agent", "Subject", "To", "References", "Content-Language", "From", "In-Reply-To"},
			func(r *rand.Rand, l letter) string { return uuid(r) + "@" + l.host },
			func(r *rand.Rand) string { return "------------" + random(r, alnum, 24) }, "User-Agent: Mozilla Thunderbird"},
		{"Outlook", []string{"From", "To", "Subject", "Thread-Topic", "Thread-Index", "Date", "Message-ID", "References", "In-Reply-To", "Accept-Language", "Content-Language", "Content-Type", "MIME-Version"},
			func(r *rand.Rand, l letter) string {
				return random(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 15) + hex(r, 16) + "@" + random(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 15) + ".eurprd04.prod.outlook.com"
			},
			func(r *rand.Rand) string { return "_000_" + random(r, "ABCDEFGHIJ0123456789", 30) + "_" }, ""},
		{"Gmail", []string{"MIME-Version", "References", "In-Reply-To", "From", "Date", "Message-ID", "Subject", "To", "Content-Type"},
			func(r *rand.Rand, _ letter) string { return "CA" + random(r, alnum+"-_", 48) + "@mail.gmail.com" },
			func(r *rand.Rand) string { return "000000000000" + hex(r, 16) }, ""},
		{"Apple Mail", []string{"From", "Content-Type", "Content-Transfer-Encoding", "Mime-Version", "Subject", "Message-Id", "Date", "In-Reply-To", "References", "To", "X-Mailer"},
			func(r *rand.Rand, l letter) string { return strings.ToUpper(uuid(r)) + "@" + l.host },
			func(r *rand.Rand) string { return "Apple-Mail=_" + strings.ToUpper(uuid(r)) }, "X-Mailer: Apple Mail (2.3731.500)"},
		{"iPhone", []string{"Content-Type", "Content-Transfer-Encoding", "From", "Mime-Version", "Subject", "Date", "Message-Id", "References", "In-Reply-To", "To", "X-Mailer"},
			func(r *rand.Rand, l letter) string { return strings.ToUpper(uuid(r)) + "@" + l.host },
			func(r *rand.Rand) string { return "Apple-Mail-" + strings.ToUpper(uuid(r)) }, "X-Mailer: iPhone Mail (21F90)"},
		{"Roundcube", []string{"MIME-Version", "Date", "From", "To", "Subject", "In-Reply-To", "References", "User-Agent", "Message-ID", "Content-Type"},
			func(r *rand.Rand, l letter) string { return hex(r, 32) + "@" + l.host },
			func(r *rand.Rand) string { return "=_" + hex(r, 32) }, "User-Agent: Roundcube Webmail/1.6.6"},
		{"Mutt", []string{"Date", "From", "To", "Subject", "Message-ID", "References", "MIME-Version", "Content-Type", "Content-Disposition", "In-Reply-To", "User-Agent"},
			func(r *rand.Rand, l letter) string { return random(r, alnum, 16) + "@" + l.host },
			func(r *rand.Rand) string { return random(r, alnum, 16) }, "User-Agent: Mutt/2.2.9"},
		{"KMail", []string{"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type"},
			func(r *rand.Rand, l letter) string {
				return random(r, "0123456789", 7) + "." + random(r, alnum, 10) + "@" + l.host
			},
			func(r *rand.Rand) string { return "nextPart" + random(r, "0123456789", 7) + "." + random(r, alnum, 10) }, "User-Agent: KMail/5.24"},
		{"PHPMailer", []string{"Date", "To", "From", "Subject", "Message-ID", "X-Mailer", "MIME-Version", "Content-Type"},
			func(r *rand.Rand, l letter) string { return random(r, alnum, 40) + "@" + l.host },
			func(r *rand.Rand) string { return "b1_" + random(r, alnum, 40) }, "X-Mailer: PHPMailer 6.8.0"},
		{"script", []string{"Content-Type", "MIME-Version", "From", "To", "Subject", "Date", "Message-ID"},
			func(r *rand.Rand, l letter) string {
				return random(r, "0123456789", 18) + "." + random(r, "0123456789", 5) + "@" + l.host
			},
			func(r *rand.Rand) string { return "===============" + random(r, "0123456789", 19) + "==" }, ""},
	}
}

// peopleClients is how many of clients people write with.
const peopleClients = 8

// write returns the message and its Message-ID.
func (c client) write(r *rand.Rand, l letter) (raw, id string) {
	id = c.id(r, l)
	body, contentType := c.body(r, l)
	date := l.date.Format("Mon, 2 Jan 2006 15:04:05 -0700")
	if c.name == "Outlook" || c.name == "Thunderbird" {
		date = l.date.Format("Mon, 02 Jan 2006 15:04:05 -0700")
	}
	var b strings.Builder
	for _, h := range c.order {
		switch strings.ToLower(h) {
		case "from":
			fmt.Fprintf(&b, "%s: %s <%s>\r\n", h, l.name, l.from)
		case "to":
			fmt.Fprintf(&b, "%s: %s\r\n", h, l.to)
		case "subject":
			fmt.Fprintf(&b, "%s: %s\r\n", h, l.subject)
		case "date":
			fmt.Fprintf(&b, "%s: %s\r\n", h, date)
		case "message-id":
			fmt.Fprintf(&b, "%s: <%s>\r\n", h, id)
		case "references", "in-reply-to":
			if l.inReplyTo != "" {
				fmt.Fprintf(&b, "%s: <%s>\r\n", h, l.inReplyTo)
			}
		case "mime-version":
			fmt.Fprintf(&b, "%s: 1.0\r\n", h)
		case "content-type":
			fmt.Fprintf(&b, "%s: %s\r\n", h, contentType)
		case "content-transfer-encoding":
			fmt.Fprintf(&b, "%s: 7bit\r\n", h)
		case "content-language", "accept-language":
			fmt.Fprintf(&b, "%s: en-GB\r\n", h)
		case "content-disposition":
			fmt.Fprintf(&b, "%s: inline\r\n", h)
		case "thread-topic":
			fmt.Fprintf(&b, "%s: %s\r\n", h, l.subject)
		case "thread-index":
			fmt.Fprintf(&b, "%s: %s==\r\n", h, random(r, alnum, 28))
		case "user-agent", "x-mailer":
			b.WriteString(c.agent + "\r\n")
		}
	}
	if c.name == "KMail" {
		b.WriteString(c.agent + "\r\n")
	}
	return b.String() + "\r\n" + body, id
}

// body is the MIME body and its type.
func (c client) body(r *rand.Rand, l letter) (body, contentType string) {
	plain := "Content-Type: text/plain; charset=UTF-8\r\n\r\n" + l.text + "\r\n"
	if !l.html && l.attachment == "" {
		return l.text + "\r\n", "text/plain; charset=UTF-8"
	}
	inner := plain
	if l.html {
		edge := c.bound(r)
		html := "<html><body><p>" + strings.ReplaceAll(l.text, "\r\n", "<br>") + "</p></body></html>"
		inner = "Content-Type: multipart/alternative; boundary=\"" + edge + "\"\r\n\r\n--" + edge + "\r\n" + plain +
			"--" + edge + "\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n" + html + "\r\n--" + edge + "--\r\n"
	}
	if l.attachment == "" {
		head, rest, _ := strings.Cut(inner, "\r\n\r\n")
		return rest, strings.TrimPrefix(head, "Content-Type: ")
	}
	edge := c.bound(r)
	file := "Content-Type: application/octet-stream; name=\"" + l.attachment + "\"\r\nContent-Disposition: attachment; filename=\"" + l.attachment +
		"\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQKJSBlbXB0eQo=\r\n"
	return "--" + edge + "\r\n" + inner + "--" + edge + "\r\n" + file + "--" + edge + "--\r\n", "multipart/mixed; boundary=\"" + edge + "\""
}
