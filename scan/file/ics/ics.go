// Package ics looks into calendars (RFC 5545).
//
// An invitation goes into a calendar without a click, and its links and
// attachments with it. What matters is who organises, who is invited, where the
// links lead, and what is attached.
package ics

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"foregate/mail"
	"foregate/mail/weburl"
	"foregate/mql/shape"
	"foregate/scan/file/internal/contentline"
	"foregate/scan/file/ole"
	"foregate/scan/file/tree"
)

// Bounds of one calendar file.
const (
	maxCalendars  = 50
	maxComponents = 1000
	maxPeople     = 500 // attendees kept of one component
	maxLinks      = 500 // links kept of one component
	maxProps      = 200 // properties kept of one component
	maxValue      = 64 << 10
	maxParsed     = 1 << 20 // bytes of text searched for links in one file
	maxNested     = 8       // components within components: alarms in events
	sniff         = 1024
)

// Parser opens calendars.
type Parser struct{}

// Name implements tree.Parser.
func (Parser) Name() string { return "ics" }

// Opens implements tree.Parser: by content, since invitations come under any
// name.
func (Parser) Opens(in *tree.Input) bool {
	head := in.Data[:min(len(in.Data), sniff)]
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		head = bytes.ReplaceAll(head, []byte{0}, nil)
	}
	return bytes.Contains(bytes.ToUpper(head), []byte("BEGIN:VCALENDAR"))
}

// Open implements tree.Parser.
func (Parser) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	lines, broken := contentline.Parse(in.Data)
	r := reader{in: in, res: &res, all: &shape.ScanICS{Flags: []string{}}, left: maxParsed}
	var err error
	for i, l := range lines {
		if i%1024 == 0 && ctx.Err() != nil {
			err = context.Cause(ctx)
			break
		}
		if err = r.line(l); err != nil {
			break
		}
	}
	if len(r.open) > 0 {
		r.all.ParseError = "a component is not closed"
		res.Find("file.damaged-calendar", r.open[0].Type, "calendar %q is damaged: a component is not closed", in.Name)
		for len(r.open) > 0 {
			r.end()
		}
	}
	if broken > 0 {
		r.all.Flags = append(r.all.Flags, "broken_lines")
	}
	r.finish()
	if err != nil {
		return res, fmt.Errorf("reading calendar: %w", err)
	}
	return res, nil
}

// reader gathers the components of a file.
type reader struct {
	in   *tree.Input
	res  *tree.Result
	all  *shape.ScanICS
	cal  *shape.ScanICSCalendar
	open []*shape.ScanICSComponent
	ev   []*shape.Event // beside open; nil where it is no event
	flat shape.Calendar
	left int
	sum  struct{ alarms, attachments, attendees, events, journals, organizers, zones, todos, urls, components, files int }
	used int // extracted files
}

func (r *reader) line(l contentline.Line) error {
	value := strings.ToUpper(strings.TrimSpace(l.Value))
	switch l.Name {
	case "BEGIN":
		if value == "VCALENDAR" {
			if len(r.all.Calendars) < maxCalendars {
				r.all.Calendars = append(r.all.Calendars, shape.ScanICSCalendar{Components: []shape.ScanICSComponent{}})
				r.cal = &r.all.Calendars[len(r.all.Calendars)-1]
			}
			return nil
		}
		r.begin(value)
		return nil
	case "END":
		if len(r.open) > 0 {
			r.end()
		}
		return nil
	}
	if len(r.open) == 0 {
		r.header(l)
		return nil
	}
	return r.property(l)
}

func (r *reader) header(l contentline.Line) {
	if r.cal == nil {
		return
	}
	v := contentline.Text(l.Value)
	switch l.Name {
	case "METHOD":
		r.cal.Method, r.flat.Method = v, or(r.flat.Method, v)
	case "PRODID":
		r.cal.ProdID, r.flat.ProductID = v, or(r.flat.ProductID, v)
	case "VERSION":
		r.cal.Version, r.flat.Version = v, or(r.flat.Version, v)
	case "CALSCALE":
		r.cal.Calscale, r.flat.Scale = v, or(r.flat.Scale, v)
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (r *reader) begin(kind string) {
	if len(r.open) >= maxNested || r.sum.components >= maxComponents {
		return
	}
	r.sum.components++
	c := &shape.ScanICSComponent{Type: kind, Attendees: []shape.ScanICSAttendee{}, Organizers: []shape.ScanICSOrganizer{}, Attachments: []shape.ScanICSAttachment{}}
	var ev *shape.Event
	switch kind {
	case "VEVENT":
		r.sum.events++
		ev = &shape.Event{Attendees: []mail.Mailbox{}, Links: []mail.Link{}}
	case "VTODO":
		r.sum.todos++
	case "VJOURNAL":
		r.sum.journals++
	case "VTIMEZONE":
		r.sum.zones++
	case "VALARM":
		r.sum.alarms++
	}
	r.open, r.ev = append(r.open, c), append(r.ev, ev)
}

// end closes the innermost component.
func (r *reader) end() {
	n := len(r.open) - 1
	c, ev := r.open[n], r.ev[n]
	r.open, r.ev = r.open[:n], r.ev[:n]
	if r.cal != nil {
		r.cal.Components = append(r.cal.Components, *c)
	}
	if ev != nil {
		r.flat.Events = append(r.flat.Events, *ev)
	}
	if c.Type == "VEVENT" || c.Type == "VTODO" || c.Type == "VJOURNAL" {
		r.res.Say(strings.TrimSpace(c.Summary + "\n" + c.Location + "\n" + c.Description))
	}
}

// property reads one property of a component, RFC 5545 section 3.8.
func (r *reader) property(l contentline.Line) error {
	c, ev := r.open[len(r.open)-1], r.ev[len(r.ev)-1]
	if ev != nil && len(ev.RawProperties) < maxProps {
		ev.RawProperties = append(ev.RawProperties, shape.ScanKeyVal{Key: l.Name, Value: l.Value[:min(len(l.Value), maxValue)]})
	}
	text := contentline.Text(l.Value[:min(len(l.Value), maxValue)])
	set := func(to *string) { *to = or(*to, text) }
	switch l.Name {
	case "SUMMARY":
		set(&c.Summary)
		r.links(c, ev, text, false)
	case "DESCRIPTION":
		set(&c.Description)
		r.links(c, ev, text, false)
	case "X-ALT-DESC":
		if strings.EqualFold(l.Param("FMTTYPE"), "text/html") {
			if ev != nil {
				set(&ev.DescriptionHTML)
			}
			r.links(c, ev, text, true)
		}
	case "LOCATION":
		set(&c.Location)
		r.links(c, ev, text, false)
	case "URL", "CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL":
		r.links(c, ev, l.Value, false)
	case "UID":
		set(&c.UID)
	case "STATUS":
		set(&c.Status)
	case "CLASS":
		set(&c.Class)
	case "CREATED":
		set(&c.Created)
	case "DTSTAMP":
		set(&c.DTStamp)
	case "DTSTART":
		set(&c.DTStart)
	case "DTEND", "DUE":
		set(&c.DTEnd)
	case "DURATION":
		set(&c.Duration)
	case "LAST-MODIFIED":
		set(&c.LastModified)
	case "PRIORITY":
		set(&c.Priority)
	case "SEQUENCE":
		set(&c.Sequence)
	case "TRANSP":
		set(&c.Transp)
	case "ORGANIZER":
		r.organizer(c, ev, l)
	case "ATTENDEE":
		r.attendee(c, ev, l)
	case "ATTACH":
		return r.attach(c, ev, l)
	case "ACTION":
		if strings.EqualFold(text, "PROCEDURE") {
			r.res.Find("file.calendar-program", text, "an alarm of calendar %q starts a program", r.in.Name)
		}
	}
	if ev != nil {
		ev.UID, ev.Summary, ev.Location, ev.Status, ev.Description = c.UID, c.Summary, c.Location, c.Status, c.Description
	}
	return nil
}

// mailbox reads a calendar address: mailto:address and the name beside it.
func mailbox(l contentline.Line) *mail.Mailbox {
	addr := strings.TrimSpace(l.Value)
	if len(addr) > 7 && strings.EqualFold(addr[:7], "mailto:") {
		addr = addr[7:]
	}
	if !strings.Contains(addr, "@") {
		if e := l.Param("EMAIL"); strings.Contains(e, "@") {
			addr = e
		}
	}
	addr = addr[:min(len(addr), 1000)]
	m := &mail.Mailbox{DisplayName: l.Param("CN"), Email: mail.EmailAddress{Email: addr, LocalPart: addr}}
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		d := mail.NewDomain(addr[i+1:])
		m.Email = mail.EmailAddress{Email: addr[:i] + "@" + d.Domain, LocalPart: addr[:i], Domain: d}
	}
	return m
}

func (r *reader) organizer(c *shape.ScanICSComponent, ev *shape.Event, l contentline.Line) {
	r.sum.organizers++
	m := mailbox(l)
	if len(c.Organizers) < maxPeople {
		c.Organizers = append(c.Organizers, shape.ScanICSOrganizer{Mailbox: m})
	}
	if ev != nil && ev.Organizer == nil {
		ev.Organizer = m
	}
}

func (r *reader) attendee(c *shape.ScanICSComponent, ev *shape.Event, l contentline.Line) {
	r.sum.attendees++
	if len(c.Attendees) >= maxPeople {
		return
	}
	m := mailbox(l)
	a := shape.ScanICSAttendee{Mailbox: m, Partstat: l.Param("PARTSTAT"), Role: l.Param("ROLE")}
	if v := l.Param("RSVP"); v != "" {
		yes := strings.EqualFold(v, "TRUE")
		a.RSVP = &yes
	}
	c.Attendees = append(c.Attendees, a)
	if ev != nil {
		ev.Attendees = append(ev.Attendees, *m)
	}
}

// links finds the links in a text as the body of a message is read.
func (r *reader) links(c *shape.ScanICSComponent, ev *shape.Event, text string, html bool) {
	if r.left -= len(text); r.left < 0 || text == "" {
		return
	}
	kind := "plain"
	if html {
		kind = "html"
	}
	m := mail.Parse(mail.Envelope{}, []byte("MIME-Version: 1.0\r\nContent-Type: text/"+kind+"; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+text))
	for _, mention := range m.Mentions {
		if mention.Kind != mail.MentionAnchor && mention.Kind != mail.MentionText {
			continue
		}
		l, ok := weburl.Link(mention, nil)
		if !ok || l.HrefURL == nil {
			continue
		}
		r.sum.urls++
		r.res.Link(l.HrefURL.URL)
		if len(c.URLs) < maxLinks {
			c.URLs = append(c.URLs, *l.HrefURL)
		}
		if ev != nil && len(ev.Links) < maxLinks {
			ev.Links = append(ev.Links, l)
		}
	}
}

// attach reads an attachment, RFC 5545 section 3.8.1.1.
func (r *reader) attach(c *shape.ScanICSComponent, ev *shape.Event, l contentline.Line) error {
	r.sum.attachments++
	r.sum.files++
	name := or(l.Param("FILENAME"), or(l.Param("X-FILENAME"), l.Param("X-APPLE-FILENAME")))
	a := shape.ScanICSAttachment{FileName: name, MIMEType: strings.ToLower(l.Param("FMTTYPE")), Type: "uri"}
	data, media, ok := contentline.Inline(l)
	if !ok {
		a.URI = l.Value[:min(len(l.Value), maxValue)]
		if !strings.Contains(a.URI, ":") {
			a.Type = "other"
		}
		r.links(c, ev, a.URI, false)
		if strings.EqualFold(l.Param("VALUE"), "BINARY") {
			a.Type, a.URI, a.DecodeError = "base64_binary", "", "not base64"
		}
		c.Attachments = append(c.Attachments[:min(len(c.Attachments), maxProps)], a)
		return nil
	}
	yes := true
	a.Type, a.MIMEType, a.Extracted, a.Size = "base64_binary", or(media, a.MIMEType), &yes, fmt.Sprint(len(data))
	c.Attachments = append(c.Attachments[:min(len(c.Attachments), maxProps)], a)
	if name == "" {
		name = fmt.Sprintf("attachment%d", r.sum.attachments)
	}
	r.used++
	if ole.RunsBy(name, data) {
		r.res.Find("file.embedded-program", name, "calendar %q carries an embedded program %q", r.in.Name, name)
	} else {
		r.res.Find("file.embedded-file", name, "calendar %q carries an embedded file %q", r.in.Name, name)
	}
	return r.res.Add(r.in.Budget, tree.Child{Name: tree.Base(name), How: "embedded", Declared: media, Data: data}, int64(len(r.in.Data)))
}

func (r *reader) finish() {
	s := r.sum
	r.all.Total = &shape.ScanICSTotal{
		Alarms: &s.alarms, Attachments: &s.attachments, Attendees: &s.attendees, Components: &s.components, Events: &s.events, ExtractedFiles: &r.used,
		Journals: &s.journals, Organizers: &s.organizers, Timezones: &s.zones, Todos: &s.todos, URLs: &s.urls,
	}
	r.all.TotalFiles, r.all.TotalExtracted = &s.files, &r.used
	if r.flat.Events == nil {
		r.flat.Events = []shape.Event{}
	}
	r.res.Fact("ics", r.all)
	r.res.Fact("calendar", &r.flat)
}
