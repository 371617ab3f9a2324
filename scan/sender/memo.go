package sender

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode"

	"foregate/domain"
	"foregate/mail"
)

// A memo is a small fact with a key of its own: a message seen (who took part,
// whose it was, hashes of its lines), the addresses behind a display name, the
// domains behind a spelling.
type memo struct {
	day   int32
	ours  bool     // of a message: somebody inside wrote it
	addrs []uint32 // addresses that took part, or that bear the name
	roots []uint32 // their registrable domains
	names []uint32 // display names of its author
	lines []uint32 // hashes of lines of its text
	texts []string // domains in words
}

// Bounds of a memo.
const (
	maxMemo      = 512 // bytes
	maxMemoList  = 16
	maxMemoTexts = 4
	memoVersion  = 1
	minLine      = 16 // letters that make a line worth remembering
	maxLines     = 8
)

var errMemo = errors.New("the memo is damaged")

func (m *memo) encode() []byte {
	ours := byte(0)
	if m.ours {
		ours = 1
	}
	out := binary.AppendUvarint([]byte{memoVersion, ours}, uint64(max(0, m.day)))
	for _, list := range [][]uint32{m.addrs, m.roots, m.names, m.lines} {
		list = list[:min(len(list), maxMemoList)]
		out = append(out, byte(len(list)))
		for _, h := range list {
			out = append(out, byte(h>>16), byte(h>>8), byte(h))
		}
	}
	n := 0
	at := len(out)
	out = append(out, 0)
	for _, t := range m.texts {
		if n == maxMemoTexts || len(t) > 64 || len(out)+len(t)+1 > maxMemo {
			continue
		}
		out = append(append(out, byte(len(t))), t...)
		n++
	}
	out[at] = byte(n)
	return out
}

// decodeMemo reads the stored form; empty data is no memo.
func decodeMemo(data []byte) (memo, error) {
	var m memo
	if len(data) == 0 {
		return m, nil
	}
	d := &reader{data: data}
	head := d.bytes(2)
	if len(data) > maxMemo || head[0] != memoVersion || head[1] > 1 {
		return m, errMemo
	}
	m.ours = head[1] == 1
	m.day = int32(d.uvarint(1 << 30))
	for _, list := range []*[]uint32{&m.addrs, &m.roots, &m.names, &m.lines} {
		n := int(d.bytes(1)[0])
		if n > maxMemoList || d.bad {
			return memo{}, errMemo
		}
		for range n {
			h := d.bytes(3)
			*list = append(*list, uint32(h[0])<<16|uint32(h[1])<<8|uint32(h[2]))
		}
	}
	n := int(d.bytes(1)[0])
	if n > maxMemoTexts {
		return memo{}, errMemo
	}
	for range n {
		m.texts = append(m.texts, string(d.bytes(int(d.bytes(1)[0]))))
	}
	if d.bad || len(d.data) > 0 {
		return memo{}, errMemo
	}
	return m, nil
}

// threadKeys are the keys of the messages that a message answers, nearest
// first.
func (s *Stage) threadKeys(m *mail.Message) []string {
	var out []string
	add := func(id string) {
		id = strings.Trim(id, "<> \t")
		if id == "" || len(out) == maxThread {
			return
		}
		if k := s.Secret.key('m', id); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	add(m.Headers.InReplyTo)
	for i := len(m.Headers.References) - 1; i >= 0; i-- {
		add(m.Headers.References[i])
	}
	return out
}

// maxThread bounds the referenced messages looked up.
const maxThread = 5

// remember makes the memo of a message.
func (s *Stage) remember(m *mail.Message, ours bool, day int32) memo {
	out := memo{day: day, ours: ours}
	add := func(b *mail.Mailbox) {
		a := strings.ToLower(b.Email.Email)
		if a == "" || len(out.addrs) == maxMemoList {
			return
		}
		if h := s.Secret.hash24(kindRecipient, a); !slices.Contains(out.addrs, h) {
			out.addrs = append(out.addrs, h)
		}
		if r := rootOf(b.Email.Domain.Domain); !s.isShared(r) {
			if h := s.Secret.hash24(kindReturnPath, r); !slices.Contains(out.roots, h) {
				out.roots = append(out.roots, h)
			}
		}
	}
	add(&mail.Mailbox{Email: m.Sender.Email})
	for _, list := range [][]mail.Mailbox{m.Recipients.To, m.Recipients.CC} {
		for i := range list {
			add(&list[i])
		}
	}
	if n := nameKey(m.Sender.DisplayName); n != "" {
		out.names = append(out.names, s.Secret.hash24(kindName, n))
	}
	if t := m.Body.CurrentThread; t != nil {
		out.lines = s.lineHashes(t.Text)
	}
	return out
}

// maxQuoted bounds the passages by which a message is found again.
const maxQuoted = 4

// passages are keys of what a text says, two lines in a row each: one line
// ("Kind regards from Brussels") is many people's.
func (s *Stage) passages(text string) []string {
	lines := plainLines(text)
	var out []string
	for i := 0; i+1 < len(lines) && len(out) < maxQuoted; i++ {
		if len(lines[i])+len(lines[i+1]) >= 3*minLine {
			out = append(out, s.Secret.key('q', lines[i], lines[i+1]))
		}
	}
	return out
}

// quotedKeys are the keys of the passages that a message quotes.
func (s *Stage) quotedKeys(m *mail.Message) []string {
	if len(m.Body.PreviousThreads) == 0 {
		return nil
	}
	return s.passages(m.Body.PreviousThreads[0].Text)
}

// lineHashes hashes the lines of plainLines.
func (s *Stage) lineHashes(text string) []uint32 {
	var out []uint32
	for _, line := range plainLines(text) {
		out = append(out, s.Secret.hash24(kindLanguage, line))
	}
	return out
}

// plainLines are the first lines that say something, letters only, so that
// quoting marks, blanks and case do not matter.
func plainLines(text string) []string {
	if len(text) > maxAskText {
		text = text[:maxAskText]
	}
	var out []string
	for line := range strings.Lines(text) {
		line = strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, line)
		if len(line) < minLine {
			continue
		}
		out = append(out, line)
		if len(out) == maxLines {
			break
		}
	}
	return out
}

// nameKey is a display name with its words sorted, "" for one that is no
// person's: a single word names many.
func nameKey(name string) string {
	words := strings.FieldsFunc(strings.ToLower(domain.Fold(name)), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) < 2 || len(words) > 5 {
		return ""
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// spellings are the keys under which a domain is found by those that look like
// it: its registrable label as people see it, that label short of each one
// character, and its parts.
func (s *Stage) spellings(host string) []string {
	n := domain.Split(host)
	if n.SLD == "" || len(n.SLD) > 40 {
		return nil
	}
	label := domain.SkeletonASCII(n.SLD)
	words := []string{label, strings.ReplaceAll(label, "-", "")}
	for _, part := range strings.Split(label, "-") {
		if len(part) >= 5 && part != label {
			words = append(words, part)
		}
	}
	if len(label) >= 5 {
		for i := range label {
			words = append(words, label[:i]+label[i+1:])
		}
	}
	var out []string
	for _, w := range words {
		if k := s.Secret.key('l', w); !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}
