package thread

import (
	"strings"

	"foregate/mail/internal/htmltext"
)

// splitter is the state of one pass over the lines of a body.
type splitter struct {
	text   string
	lines  []line
	msgs   []Message // msgs[0] stands for the current message
	ids    []int     // the thread that lines of each depth belong to
	floor  int       // first line after the last boundary
	header []bool    // per message: a header block or attribution introduces it
	reply  []htmltext.Mark
	cites  []htmltext.Mark
}

// Split divides the text of a body. Marks are the containers that
// htmltext.Render met, nil for plain text. Quoted passages between own text
// (interleaved replies) do not end the current message.
func Split(text string, marks []htmltext.Mark) Result {
	if text == "" {
		return Result{}
	}
	whole := text
	if len(text) > maxText {
		text = text[:maxText]
	}
	s := splitter{text: text, lines: cutLines(text), msgs: make([]Message, 1), ids: []int{0}, header: []bool{true}}
	s.useMarks(marks)
	s.walk()
	for k := range s.msgs {
		s.banners(k)
	}
	s.signatures()
	r := s.result()
	if n := len(r.Segments); n > 0 {
		r.Segments[n-1].End = len(whole)
	}
	return r
}

// useMarks lays the containers over the lines: quotes deepen them, the others
// are kept for the walk.
func (s *splitter) useMarks(marks []htmltext.Mark) {
	if len(marks) == 0 {
		return
	}
	delta := make([]int, len(s.lines)+1)
	for _, m := range marks {
		a, b := s.lineAt(m.Start), s.lineAt(m.End)
		if b < len(s.lines) && s.lines[b].start < m.End {
			b++
		}
		if b <= a {
			continue
		}
		switch m.Kind {
		case htmltext.MarkQuote:
			delta[a]++
			delta[b]--
		case htmltext.MarkPreamble:
			s.cites = append(s.cites, htmltext.Mark{Start: a, End: b})
		case htmltext.MarkReply:
			s.reply = append(s.reply, htmltext.Mark{Start: a, End: b})
		case htmltext.MarkSignature:
			for i := a; i < b && b-a <= maxSignatureLines; i++ {
				s.lines[i].role = RoleSignature
			}
		}
	}
	nest := 0
	for i := range s.lines {
		nest += delta[i]
		s.lines[i].depth = min(s.lines[i].depth+nest, maxDepth)
	}
}

// lineAt returns the first line that starts at offset or later.
func (s *splitter) lineAt(offset int) int {
	lo, hi := 0, len(s.lines)
	for lo < hi {
		mid := (lo + hi) / 2
		if s.lines[mid].start < offset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// walk gives each line its thread and role.
func (s *splitter) walk() {
	for i := 0; i < len(s.lines); {
		l := &s.lines[i]
		if l.blank {
			if i > 0 {
				l.thread = s.lines[i-1].thread
			}
			i++
			continue
		}
		if l.role == RoleText || l.depth > 0 {
			if n := s.boundary(i); n > i {
				i, s.floor = n, n
				continue
			}
		}
		l.thread = s.at(l.depth)
		i++
	}
}

// boundary handles a header block that starts at line i or an attribution that
// ends there. It returns the line after it, i when there is none.
func (s *splitter) boundary(i int) int {
	depth := s.lines[i].depth
	if h, ok := s.readHeader(i); ok {
		at := depth
		if n := s.nextText(h.end, 3); n < len(s.lines) && s.lines[n].depth > depth {
			at = depth + 1
		}
		m := s.open(i, h.end, depth, at)
		s.msgs[m].Forward = h.forward
		s.setHeader(m, &h.value)
		return h.end
	}
	if n := s.markedReply(i); n > i {
		return n
	}
	a, ok := s.readAttribution(i)
	if c, marked := s.markedCite(i); marked && !ok {
		a, ok = c, true
	}
	if !ok {
		return i
	}
	next := s.nextText(i+1, 3)
	if next >= len(s.lines) || s.lines[next].depth < depth {
		return i
	}
	if s.lines[next].depth == depth && !a.sure {
		return i
	}
	at := depth
	switch fresh := !s.wrote(s.at(depth), a.start); {
	case s.lines[next].depth == depth && s.opensContainer(depth, fresh):
		// Apple and Yahoo put the line that introduces a container into it.
	case s.lines[next].depth > depth || fresh || s.quotesFollow(next, depth):
		at = depth + 1
	}
	m := s.open(a.start, a.end, depth, at)
	s.msgs[m].Date, s.msgs[m].Sender = a.date, a.sender
	return a.end
}

// opensContainer reports whether a boundary in quoted text of a depth comes
// before all text of that depth, so that it introduces what it stands in.
func (s *splitter) opensContainer(depth int, fresh bool) bool {
	return depth > 0 && fresh && !s.header[s.at(depth)]
}

// quotesFollow reports quoted lines soon after an attribution: what stands
// between is a remark of the author.
func (s *splitter) quotesFollow(i, depth int) bool {
	for end := min(len(s.lines), i+maxRemark); i < end; i++ {
		if s.lines[i].depth > depth {
			return true
		}
		if s.lines[i].depth < depth {
			return false
		}
	}
	return false
}

// wrote reports whether a thread has text near above line i. An attribution
// without any stands at the top of an answer that marks its quotations in some
// other way; all that follows counts as the answer, so that nobody can hide a
// message by a first line.
func (s *splitter) wrote(thread, i int) bool {
	for n := 0; i > 0 && n < maxLookBack; n++ {
		i--
		if l := &s.lines[i]; !l.blank && l.thread == thread && l.role == RoleText {
			return true
		}
	}
	return i > 0
}

// setHeader copies the fields of a header block.
func (s *splitter) setHeader(m int, v *[fieldOther + 1]string) {
	msg := &s.msgs[m]
	msg.Sender, msg.Date, msg.Subject = v[fieldFrom], v[fieldDate], v[fieldSubject]
	msg.To, msg.Cc, msg.Bcc = v[fieldTo], v[fieldCc], v[fieldBcc]
}

// markedReply handles the header block of Outlook on the web in a language
// that the word lists do not hold: its fields come in a fixed order.
func (s *splitter) markedReply(i int) int {
	for _, m := range s.reply {
		if i < m.Start || i >= m.End {
			continue
		}
		var values []string
		for j := i; j < m.End && len(values) < maxHeaderLines; j++ {
			_, v, ok := strings.Cut(s.lineText(j), ":")
			if ok {
				values = append(values, trim(v))
			}
		}
		id := s.open(i, m.End, s.lines[i].depth, s.lines[i].depth)
		if n := len(values); n >= 4 {
			s.msgs[id].Sender, s.msgs[id].Date, s.msgs[id].To = values[0], values[1], values[2]
			s.msgs[id].Subject = values[n-1]
		}
		return m.End
	}
	return i
}

// markedCite makes an attribution of a container that the mail program marked
// as one and that ends with line i.
func (s *splitter) markedCite(i int) (a attribution, ok bool) {
	for _, m := range s.cites {
		if i != m.End-1 || m.Start < s.floor || m.End-m.Start > 2*maxAttribution {
			continue
		}
		var parts []string
		for j := m.Start; j < m.End; j++ {
			if t := s.lineText(j); t != "" {
				parts = append(parts, t)
			}
		}
		a = attribution{start: m.Start, end: m.End, text: strings.Join(parts, " "), sure: true}
		verb, at := findVerb(a.text)
		a.parse(verb, at)
		return a, endsAttribution(a.text)
	}
	return a, false
}

// open starts the message that lines [from, to) of a depth introduce and
// returns its index. What follows at depth at belongs to it.
func (s *splitter) open(from, to, depth, at int) int {
	intro := s.at(depth)
	m := intro
	if at == depth && s.opensContainer(depth, !s.wrote(intro, from)) {
		intro = s.ids[depth-1]
	} else {
		m = s.add()
	}
	s.ids = append(s.ids[:at], m)
	var b strings.Builder
	for i := from; i < to; i++ {
		l := &s.lines[i]
		l.thread, l.role = m, RolePreamble
		if !l.blank {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(trim(s.text[l.body:l.end]))
		}
	}
	if s.msgs[intro].Preamble == "" {
		s.msgs[intro].Preamble = b.String()
	}
	s.header[m] = true
	return m
}

// add makes a new message.
func (s *splitter) add() int {
	if len(s.msgs) > maxMessages {
		return len(s.msgs) - 1
	}
	s.msgs = append(s.msgs, Message{})
	s.header = append(s.header, false)
	return len(s.msgs) - 1
}

// at returns the thread that lines of a depth belong to. The first line of a
// depth makes its message, and those above it.
func (s *splitter) at(depth int) int {
	for len(s.ids) <= depth {
		s.ids = append(s.ids, s.add())
	}
	return s.ids[depth]
}

// result makes the texts and drops messages that turned out empty.
func (s *splitter) result() Result {
	texts, sizes := make([]strings.Builder, len(s.msgs)), make([]int, len(s.msgs))
	for i := range s.lines {
		if l := &s.lines[i]; l.role == RoleText || l.role == RoleSignature {
			sizes[l.thread] += l.end - l.body + 1
		}
	}
	for k := range texts {
		texts[k].Grow(sizes[k])
	}
	var sign strings.Builder
	for i := range s.lines {
		l := &s.lines[i]
		switch l.role {
		case RoleText, RoleSignature:
			texts[l.thread].WriteString(s.text[l.body:l.end])
			texts[l.thread].WriteByte('\n')
		}
		if l.role == RoleSignature && l.thread == 0 {
			sign.WriteString(s.text[l.body:l.end])
			sign.WriteByte('\n')
		}
	}
	r := Result{Current: trim(texts[0].String()), Signature: trim(sign.String()), Preamble: s.msgs[0].Preamble, Banners: s.msgs[0].Banners}
	number := make([]int, len(s.msgs)) // thread numbers without the empty ones
	for k := 1; k < len(s.msgs); k++ {
		m := &s.msgs[k]
		m.Text = trim(texts[k].String())
		number[k] = len(r.Previous) + 1
		if m.Text == "" && !s.header[k] {
			number[k] = len(r.Previous)
			s.handUp(&r, m.Preamble)
			continue
		}
		r.Previous = append(r.Previous, *m)
	}
	for i := range s.lines {
		l := &s.lines[i]
		end := len(s.text)
		if i+1 < len(s.lines) {
			end = s.lines[i+1].start
		}
		if n := len(r.Segments); n > 0 && r.Segments[n-1].Thread == number[l.thread] && r.Segments[n-1].Role == l.role {
			r.Segments[n-1].End = end
			continue
		}
		r.Segments = append(r.Segments, Segment{Start: l.start, End: end, Thread: number[l.thread], Role: l.role})
	}
	return r
}

// handUp gives the preamble found in an empty container to the message around
// it.
func (s *splitter) handUp(r *Result, preamble string) {
	switch n := len(r.Previous); {
	case preamble == "":
	case n == 0 && r.Preamble == "":
		r.Preamble = preamble
	case n > 0 && r.Previous[n-1].Preamble == "":
		r.Previous[n-1].Preamble = preamble
	}
}
