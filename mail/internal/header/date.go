package header

import (
	"strconv"
	"strings"
	"time"
)

// Date is a parsed date.
type Date struct {
	Time   time.Time // UTC
	Offset string    // the zone as written, in hours: "-4", "5.5", "0"; "" when no zone is given
	Odd    bool      // not in the form of RFC 5322 section 3.3
}

// maxDate bounds the text of a date: honest ones have about 40 bytes.
const maxDate = 200

// ParseDate reads a date as tolerantly as clients do: RFC 5322 with its
// obsolete forms, RFC 850, asctime, ISO 8601, named and odd zones, comments,
// two- and three-digit years. ok is false when there is no date in s.
func ParseDate(s string) (d Date, ok bool) {
	if len(s) > maxDate {
		s = s[:maxDate]
	}
	p := paramParser{s: s}
	s = strings.TrimSpace(p.until("", false))
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return Date{Time: t.UTC(), Offset: offsetText(zoneSeconds(t)), Odd: true}, true
	}
	r := dateReader{year: -1, day: -1, month: -1, hour: -1, zone: noZone}
	for _, tok := range strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\r' || c == '\n' }) {
		r.token(tok)
	}
	return r.date()
}

func zoneSeconds(t time.Time) int { _, off := t.Zone(); return off }

const noZone = 1 << 30

type dateReader struct {
	year, month, day  int
	hour, minute, sec int
	nsec              int
	zone              int // seconds east, noZone when unknown
	pm, am, odd       bool
}

func (r *dateReader) token(tok string) {
	switch {
	case strings.Count(tok, ":") >= 1 && r.hour < 0 && tok[0] >= '0' && tok[0] <= '9':
		r.clock(tok)
	case (tok[0] == '+' || tok[0] == '-') && len(tok) > 1 && r.hour >= 0:
		r.numericZone(tok)
	case tok[0] >= '0' && tok[0] <= '9':
		r.number(tok)
	case strings.EqualFold(tok, "am"):
		r.am = true
	case strings.EqualFold(tok, "pm"):
		r.pm = true
	default:
		r.wordToken(tok)
	}
}

func (r *dateReader) clock(tok string) {
	if i := strings.IndexByte(tok, 'T'); i > 0 { // 2019-10-21T14:23
		r.number(tok[:i])
		tok, r.odd = tok[i+1:], true
	}
	if tok == "" {
		return
	}
	if i := strings.IndexAny(tok[1:], "+-Z"); i >= 0 {
		r.zoneText(tok[i+1:])
		tok = tok[:i+1]
	}
	ps := strings.Split(tok, ":")
	n := [3]int{}
	for i := range ps {
		if i > 2 {
			break
		}
		whole, frac, _ := strings.Cut(ps[i], ".")
		v, err := strconv.Atoi(whole)
		if err != nil || v < 0 || v > 60 {
			return
		}
		n[i] = v
		if i == 2 && frac != "" && len(frac) <= 9 {
			f, _ := strconv.Atoi(frac + "000000000"[len(frac):])
			r.nsec = max(f, 0)
		}
	}
	if n[0] > 24 {
		return
	}
	r.hour, r.minute, r.sec = n[0], n[1], min(n[2], 59)
}

func (r *dateReader) zoneText(tok string) {
	if tok[0] == 'Z' {
		r.zone = 0
		return
	}
	r.numericZone(tok)
}

func (r *dateReader) numericZone(tok string) {
	digits := strings.ReplaceAll(tok[1:], ":", "")
	v, err := strconv.Atoi(digits)
	if err != nil || v < 0 || r.zone != noZone {
		return
	}
	sec := v * 3600
	if len(digits) > 2 {
		sec = v/100*3600 + v%100*60
	}
	if sec > 24*3600 {
		r.odd = true
		return
	}
	if len(digits) != 4 {
		r.odd = true
	}
	if tok[0] == '-' {
		sec = -sec
	}
	r.zone = sec
}

func (r *dateReader) number(tok string) {
	if i := strings.IndexAny(tok, "-/."); i > 0 {
		r.odd = true
		for _, part := range strings.FieldsFunc(tok, func(c rune) bool { return c == '-' || c == '/' || c == '.' }) {
			if part[0] >= '0' && part[0] <= '9' {
				r.plainNumber(part, true)
			} else {
				r.wordToken(part)
			}
		}
		return
	}
	r.plainNumber(strings.TrimRight(tok, "stndrh"), false)
}

func (r *dateReader) plainNumber(tok string, monthToo bool) {
	v, err := strconv.Atoi(tok)
	if err != nil || v < 0 {
		return
	}
	switch {
	case len(tok) >= 3 && r.year < 0 && v < 10000:
		r.year = v
		if len(tok) == 3 {
			r.year, r.odd = v+1900, true // RFC 5322 section 4.3
		}
	case monthToo && r.month < 0 && r.year >= 0 && v >= 1 && v <= 12:
		r.month = v
	case r.day < 0 && v >= 1 && v <= 31:
		r.day = v
	case monthToo && r.month < 0 && v >= 1 && v <= 12:
		r.month = v
	case r.year < 0 && len(tok) <= 2:
		r.odd = true
		r.year = v + 1900
		if v < 50 {
			r.year = v + 2000
		}
	}
}

func (r *dateReader) wordToken(tok string) {
	low := strings.ToLower(strings.Trim(tok, ".()"))
	if len(low) >= 3 && r.month < 0 {
		if i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", low[:3]); i >= 0 && i%3 == 0 {
			r.month = i/3 + 1
			return
		}
	}
	for _, p := range []string{"gmt", "utc", "ut"} {
		if rest, ok := strings.CutPrefix(low, p); ok && len(rest) > 1 && (rest[0] == '+' || rest[0] == '-') {
			r.odd = true
			r.numericZone(rest)
			return
		}
	}
	if r.hour < 0 || r.zone != noZone {
		return
	}
	if h, ok := zoneNames(low); ok {
		r.zone, r.odd = int(h*3600), true
	}
}

// zoneNames gives the hours of a named zone: those of RFC 5322 section 4.3 and
// the ones that mailers write. Single letters count as UTC, as the RFC advises.
func zoneNames(z string) (float64, bool) {
	switch z {
	case "gmt", "ut", "utc", "z", "wet":
		return 0, true
	case "edt":
		return -4, true
	case "est", "cdt":
		return -5, true
	case "cst", "mdt":
		return -6, true
	case "mst", "pdt":
		return -7, true
	case "pst", "akdt":
		return -8, true
	case "bst", "cet", "met", "mez", "west":
		return 1, true
	case "cest", "eet", "mest", "mesz", "sast", "met-dst":
		return 2, true
	case "eest", "msk":
		return 3, true
	case "ist":
		return 5.5, true
	case "hkt", "sgt":
		return 8, true
	case "jst", "kst":
		return 9, true
	case "aest":
		return 10, true
	case "aedt":
		return 11, true
	case "nzst":
		return 12, true
	}
	return 0, len(z) == 1 && z[0] >= 'a' && z[0] <= 'z'
}

func (r *dateReader) date() (Date, bool) {
	if r.year < 0 || r.month < 1 || r.day < 1 {
		return Date{}, false
	}
	d := Date{Odd: r.odd || r.hour < 0 || r.zone == noZone}
	hour := max(r.hour, 0)
	if r.pm && hour < 12 {
		hour += 12
	}
	if r.am && hour == 12 {
		hour = 0
	}
	zone := 0
	if r.zone != noZone {
		zone = r.zone
		d.Offset = offsetText(zone)
	}
	t := time.Date(r.year, time.Month(r.month), r.day, hour, r.minute, r.sec, r.nsec, time.UTC)
	d.Time = t.Add(-time.Duration(zone) * time.Second)
	if t.Day() != r.day {
		d.Odd = true // 31 February
	}
	return d, d.Time.Year() >= 1 && d.Time.Year() <= 9999
}

func offsetText(sec int) string {
	return strconv.FormatFloat(float64(sec)/3600, 'f', -1, 64)
}
