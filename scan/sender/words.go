package sender

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// history says in words how the sender has written so far.
func (x *exam) history() string {
	r, who := &x.past.address, x.who.mailbox
	if r.total < minHistory*unit {
		r, who = &x.past.domain, x.who.root
	}
	out := fmt.Sprintf("%s has written %s in %s", shorten(who), times(r.in), span(dayOf(x.now)-r.firstDay))
	if relay := x.usually(r, kindRelay); relay != "" {
		out += " from " + relay
	}
	if mailer := x.usually(r, kindMailer); mailer != "" {
		out += " with " + mailer
	}
	return out
}

// usually is the most frequent value of a kind in words, "" when only its hash
// is known.
func (x *exam) usually(r *record, k kind) string {
	top, ok := r.top(k)
	if !ok {
		return ""
	}
	switch k {
	case kindRelay:
		return fmt.Sprintf("%d.%d.%d.0/24", top.hash>>16, top.hash>>8&0xFF, top.hash&0xFF)
	case kindASN:
		return fmt.Sprintf("AS%d", top.hash)
	case kindZone:
		return zoneText(int(top.hash) - zoneShift)
	case kindMailer:
		return x.s.mailers[top.hash]
	case kindDKIM, kindRDNS, kindReturnPath, kindLink:
		for _, guess := range []string{x.who.root, hostOf(x.who.mailbox), "none", "failed", "google.com", "outlook.com", "amazonses.com", "gmail.com"} {
			if x.s.Secret.hash24(k, guess) == top.hash {
				return guess
			}
		}
	}
	return ""
}

// claim says one change with both sides.
func (x *exam) claim(fd finding) string {
	r := x.past.forKind(fd.kind)
	was, now := x.usually(r, fd.kind), shorten(fd.now.text)
	before := func(plain, known string) string {
		if was == "" {
			return plain
		}
		return fmt.Sprintf(known, was)
	}
	head := fmt.Sprintf("In %s over %s, mail of %s", messages(r.in), span(dayOf(x.now)-r.firstDay), shorten(x.who.mailbox))
	switch fd.kind {
	case kindRelay, kindRelay6, kindASN:
		return head + before(" came from other networks", " came mostly from %s") + "; this comes from " + now + "."
	case kindHelo, kindRDNS:
		return head + before(" came from other servers", " came mostly from %s") + "; this comes from " + now + "."
	case kindReturnPath:
		return head + before(" returned to other domains", " returned mostly to %s") + "; this returns to " + now + "."
	case kindAuth:
		return head + " had another standing; the author of this is " + now + "."
	case kindDKIM:
		return head + before(" was signed by others", " was mostly signed by "+signer(was)) + "; this is signed by " + signer(now) + "."
	case kindMailer:
		return head + before(" was written with other programs", " was mostly written with %s") + "; this with " + now + "."
	case kindOrder:
		return head + " never had its header fields in this order."
	case kindZone:
		return head + before(" was written in other time zones", " was mostly written in time zone %s") + "; this in " + now + "."
	case kindLink:
		return head + before(" never led to "+now, " led mostly to %s") + "; this leads to " + now + "."
	case kindReplyTo:
		return head + " was never answered elsewhere; the answers to this go to " + now + "."
	}
	return head + " never looked like this."
}

// signer is a signing domain in words, safe in a format.
func signer(d string) string {
	switch d {
	case "", "%s":
		return "%s"
	case "none":
		return "nobody"
	case "failed":
		return "a signature that does not hold"
	}
	return strings.ReplaceAll(d, "%", "")
}

// moves names what changed, in words.
func (x *exam) moves() string {
	var out []string
	for _, g := range []struct {
		group group
		words string
	}{{groupRelay, "another network"}, {groupProof, "another signature"}, {groupClient, "another program"}, {groupHabit, "another time zone"}} {
		if !x.groups[g.group].changed {
			continue
		}
		words := g.words
		for _, fd := range x.findings {
			if law := &x.s.law[fd.kind]; fd.changed && law.group == g.group && !law.quiet && fd.now.text != "" && fd.kind != kindOrder && fd.kind != kindAuth {
				words += " (" + shorten(fd.now.text) + ")"
				break
			}
		}
		out = append(out, words)
	}
	return list(out)
}

// list joins words as a sentence does.
func list(words []string) string {
	switch n := len(words); n {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

func times(n uint32) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func messages(n uint32) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

func span(days int32) string {
	if days <= 1 {
		return "one day"
	}
	return fmt.Sprintf("%d days", days)
}

func date(day int32) string { return time.Unix(int64(day)*86400, 0).UTC().Format("2 January 2006") }

// shorten makes hostile text fit a sentence.
func shorten(s string) string {
	const most = 80
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
