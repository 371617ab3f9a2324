package text

import (
	"context"
	_ "embed"
	"fmt"
	"hash/maphash"
	"math"
	"strings"
	"sync"

	"foregate/evidence"
	"foregate/mail"
	"foregate/mql"
	"foregate/mql/shape"
)

//go:embed model.bin
var builtinModel []byte

// Builtin returns the model that ships: "foregate train" makes its bytes again.
func Builtin() (*Model, error) { return New(builtinModel) }

// Stage reports what a message's own text (not the text it answers) asks for,
// as graded items and as text.<label>.<confidence>, and answers the questions that rules ask about
// texts. Make one with NewStage; it is safe for concurrent use.
type Stage struct {
	model *Model
	memo  memo
}

// NewStage makes the stage of a model.
func NewStage(m *Model) *Stage {
	return &Stage{model: m, memo: memo{seed: maphash.MakeSeed(), kept: map[uint64]Result{}}}
}

// Name implements scan.Stage.
func (*Stage) Name() string { return "text" }

// lineage of all items: labels of one text overlap.
const lineage = "text"

// Analyze implements scan.Stage; it never fails.
func (s *Stage) Analyze(_ context.Context, m *mail.Message, f *mail.Facts) error {
	subject, body := Of(m)
	r := s.read(subject, body)
	if opening, more := begin(body); more {
		o := s.model.Grade(subject, opening)
		r.unwanted = max(r.unwanted, o.unwanted)
		if o.attack > r.attack {
			r.attack, r.quote, r.words = o.attack, o.quote, o.words
		}
	}
	for _, it := range r.graded() {
		f.Add(it)
	}
	for _, found := range r.Findings {
		claim, ok := claims(found.Name)
		if !ok {
			continue
		}
		f.Add(evidence.Item{
			ID:    "text." + found.Name + "." + found.Confidence,
			Claim: withWords(claim, found.Words), Quote: found.Quote, Lineage: lineage,
		})
	}
	return nil
}

// openingSize is how many bytes of a text are its opening, which the reader sees
// first: filling that is to pass for ordinary mail stands below it.
const openingSize = 500

// begin returns the opening of a text that has more than twice as much, cut at
// a blank.
func begin(body string) (opening string, more bool) {
	body = strings.TrimSpace(body)
	if len(body) <= 2*openingSize {
		return "", false
	}
	opening = body[:openingSize]
	if i := strings.LastIndexAny(opening, " \n\t"); i > 0 {
		opening = opening[:i]
	}
	return opening, true
}

// grades are steps of log10 odds: half a ban is as fine as some thousand labelled
// messages can measure.
var grades = []struct {
	name string
	from float64
}{{"extreme", 2}, {"strong", 1.5}, {"high", 1}, {"medium", 0.5}, {"low", 0}, {"faint", -0.5}}

// Grades returns the last parts of the IDs of graded evidence, such as "low" in
// "text.attack.low", from the weakest to the strongest.
func Grades() []string {
	out := make([]string, len(grades))
	for i, g := range grades {
		out[len(grades)-1-i] = g.name
	}
	return out
}

// gradeOf names the grade of a probability by its log10 odds, "" below the
// least.
func gradeOf(p float64) string {
	for _, g := range grades {
		// The odds of p are at least 10^from.
		if p >= (1-p)*math.Pow(10, g.from) {
			return g.name
		}
	}
	return ""
}

// graded returns how the whole text reads, for and against: text.attack.<grade>,
// and text.unwanted.<grade> or text.benign.<grade>. Benign and unwanted are the
// ends of one scale; its middle is no evidence.
func (r Result) graded() []evidence.Item {
	if !r.read {
		return nil
	}
	var out []evidence.Item
	if g := gradeOf(r.attack); g != "" {
		out = append(out, evidence.Item{
			ID:    "text.attack." + g,
			Claim: withWords("The text reads like fraud or phishing", r.words), Quote: r.quote, Lineage: lineage,
		})
	}
	switch g := gradeOf(r.unwanted); g {
	case "", "faint":
		if g := gradeOf(1 - r.unwanted); g != "low" && g != "faint" {
			out = append(out, evidence.Item{ID: "text.benign." + g, Claim: "The text reads like ordinary mail", Lineage: lineage})
		}
	default:
		out = append(out, evidence.Item{
			ID:    "text.unwanted." + g,
			Claim: withWords("The text reads like mail that nobody asked for", r.words), Quote: r.quote, Lineage: lineage,
		})
	}
	return out
}

// withWords names the words that a claim rests on.
func withWords(claim string, words []string) string {
	if len(words) == 0 {
		return claim
	}
	return claim + ` ("` + strings.Join(words, `", "`) + `")`
}

// claims says a label in a sentence; topics and most tags are no evidence, and
// attack and benign are graded.
func claims(name string) (string, bool) {
	switch name {
	case "spam":
		return "The text reads like bulk advertising", true
	case "cred_theft":
		return "The text presses the reader to sign in or to confirm an account", true
	case "callback_scam":
		return "The text reports a charge and wants a telephone call about it", true
	case "bec":
		return "The text asks for a payment or a favour as a superior or partner would", true
	case "steal_pii":
		return "The text asks for personal data", true
	case "advance_fee":
		return "The text promises a fortune for help or a fee", true
	case "extortion":
		return "The text threatens and demands money", true
	case "job_scam":
		return "The text offers easy money for little work", true
	case "giveaway":
		return "The text promises a prize or a gift", true
	case "fake_delivery":
		return "The text says that a parcel waits for a fee or an address", true
	case "account_threat":
		return "The text threatens to close or limit an account", true
	case "crypto":
		return "The text is about crypto money to be claimed or invested", true
	case "pharmacy":
		return "The text advertises remedies", true
	case "dating":
		return "The text offers acquaintance or sex", true
	}
	return "", false
}

// Of returns what the stage reads of a message: its subject, and what this
// author wrote now, look-alike characters undone; of a message that only passes
// another one on, that one's text.
func Of(m *mail.Message) (subject, body string) {
	if m.Subject != nil {
		subject = m.Subject.Subject
	}
	switch {
	case m.Forwarded():
		body = m.Speech()
	case m.Body.CurrentThread != nil:
		body = m.Body.CurrentThread.Normalized
	}
	return subject, body
}

// Capabilities answers the functions of rules that ask about a text.
func (s *Stage) Capabilities() mql.Capabilities {
	return mql.Capabilities{
		"ml.nlu_classifier": func(_ context.Context, m *mail.Message, args []any) (any, error) {
			r, err := s.asked(m, args)
			return r.NLU(), err
		},
		"beta.ml_topic": func(_ context.Context, m *mail.Message, args []any) (any, error) {
			r, err := s.asked(m, args)
			return shape.Topics{Topics: r.NLU().Topics}, err
		},
	}
}

// asked classifies the text of a call: its first argument, with the subject as
// the second. A call about the message's own text gets what the stage found.
func (s *Stage) asked(m *mail.Message, args []any) (Result, error) {
	if len(args) == 0 {
		return Result{}, fmt.Errorf("reading a text: no text given")
	}
	body, ok := args[0].(string)
	if !ok {
		return Result{}, fmt.Errorf("reading a text: the argument is a %T", args[0])
	}
	about := ""
	if len(args) > 1 {
		about, _ = args[1].(string)
	}
	if t := m.Body.CurrentThread; t != nil && body == t.Text {
		body = t.Normalized
		if about == "" {
			about, _ = Of(m)
		}
	}
	return s.read(about, body), nil
}

// read classifies, or remembers having done so.
func (s *Stage) read(subject, body string) Result {
	k := s.memo.key(subject, body)
	if r, ok := s.memo.get(k); ok {
		return r
	}
	r := s.model.Classify(subject, body)
	s.memo.put(k, r)
	return r
}

// memo keeps the newest results: the stage's for the rules of the same message,
// and those of copies of one message. Its key is a random 64-bit hash, which
// nobody outside can aim at.
type memo struct {
	seed maphash.Seed
	mu   sync.Mutex
	kept map[uint64]Result
	ring [memoSize]uint64
	next int
}

// memoSize is more than the messages judged at the same time on one machine.
const memoSize = 256

func (m *memo) key(subject, body string) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	h.WriteString(subject)
	h.WriteByte(0)
	h.WriteString(body)
	return h.Sum64()
}

func (m *memo) get(k uint64) (Result, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.kept[k]
	return r, ok
}

func (m *memo) put(k uint64, r Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.kept[k]; ok {
		return
	}
	delete(m.kept, m.ring[m.next])
	m.ring[m.next] = k
	m.next = (m.next + 1) % memoSize
	m.kept[k] = r
}
