// Package text is the stage that reads what a message asks for: a linear model
// over hashed word and character n-grams says which intents, topics and tags a
// text has, and quotes the sentence that says so most.
//
// The text is split into words (signs, in Chinese and Japanese); links, mail
// addresses, numbers and sums of money each count as one word. Features are the
// words, pairs of words, six-letter pieces and beginnings of words that training met in three base texts or more; others are passed over. Each label has
// a weight for each feature; the sum over a text's different features, divided
// by the root of their number, gives by a logistic curve the probability of the
// label (one against the rest, Platt's calibration on base texts that the
// weights were not fitted on).
//
// Whether a text is an attack is asked of every text, which kind of attack only of
// attacks: the probability of an intent is the product of both.
//
// The model that ships is made of texts that the project wrote itself (package
// training), by "foregate train", bit for bit.
package text

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"foregate/mql/shape"
)

// Least probabilities of the confidence words. They are odds among the training
// texts, where every other text is an attack: what high is worth in mail is
// measured ("foregate calibrate"), not read off here.
const (
	LowFrom    = 0.40
	MediumFrom = 0.60
	HighFrom   = 0.80
)

// leastTokens is the least number of words of which an intent is said: two
// words have none.
const leastTokens = 6

// Finding is a label that fits a text.
type Finding struct {
	Kind        string // "intent", "tag" or "topic"
	Name        string
	Probability float64
	Confidence  string   // shape.Low, shape.Medium or shape.High
	Quote       string   // the sentence that says so most, for malicious labels
	Words       []string // the words of it that weigh most, at most three
}

// Result is what a text asks for.
type Result struct {
	Language string    // as rules name it: "english"; "" when unknown
	Findings []Finding // of low confidence and up, likeliest first
	Entities []shape.Entity

	read     bool    // whether the text was long enough to be judged
	attack   float64 // probability that it is fraud or phishing
	unwanted float64 // probability that it is that or bulk advertising: not benign
	quote    string  // the sentence that speaks most for either
	words    []string
}

// NLU returns the result as rules see it.
func (r Result) NLU() shape.NLU {
	n := shape.NLU{
		Intents: []shape.Label{}, Topics: []shape.Label{}, Tags: []shape.Label{},
		Entities: r.Entities, Language: r.Language,
	}
	for _, f := range r.Findings {
		l := shape.Label{Name: f.Name, Confidence: f.Confidence}
		switch f.Kind {
		case "intent":
			n.Intents = append(n.Intents, l)
		case "tag":
			n.Tags = append(n.Tags, l)
		case "topic":
			n.Topics = append(n.Topics, l)
		}
	}
	return n
}

func confidence(p float64) string {
	switch {
	case p >= HighFrom:
		return shape.High
	case p >= MediumFrom:
		return shape.Medium
	}
	return shape.Low
}

// scratches keeps what one classification needs for the next.
type scratches struct{ pool sync.Pool }

func (s *scratches) get(m *Model) *scratch {
	if x, ok := s.pool.Get().(*scratch); ok {
		return x
	}
	return &scratch{seen: make([]uint64, len(m.keys)/64+1)}
}

// Classify reads a text. It is safe for concurrent use, takes any bytes, and
// looks at the first 12 KiB and the last 4 KiB of the body.
func (m *Model) Classify(subject, body string) Result {
	text := join(subject, body)
	s := m.spare.get(m)
	defer m.spare.pool.Put(s)
	s.tokens = tokens(s.tokens, text)
	res := Result{Language: languageName(m.language(text)), Entities: entities(m.phrases, text, s.tokens)}
	if len(s.tokens) < leastTokens {
		return res
	}
	m.judge(text, s)
	m.grade(&res, text, s)
	for i, l := range m.labels {
		p := s.chances[i]
		if p < LowFrom {
			continue
		}
		f := Finding{Kind: l.kind, Name: l.name, Probability: p, Confidence: confidence(p)}
		if worthQuoting(l) {
			f.Quote, f.Words = m.explain(text, s, i)
		}
		res.Findings = append(res.Findings, f)
	}
	slices.SortStableFunc(res.Findings, func(a, b Finding) int { return cmp.Compare(b.Probability, a.Probability) })
	return res
}

// Grade reads of a text what the stage weighs of every one, and nothing else:
// neither language nor entities nor labels.
func (m *Model) Grade(subject, body string) Result {
	text := join(subject, body)
	s := m.spare.get(m)
	defer m.spare.pool.Put(s)
	s.tokens = tokens(s.tokens, text)
	var res Result
	if len(s.tokens) >= leastTokens {
		m.judge(text, s)
		m.grade(&res, text, s)
	}
	return res
}

// judge fills s from its tokens of the text: the features, their rows, and each
// label's probability.
func (m *Model) judge(text string, s *scratch) {
	s.features = features(s.features, text, s.tokens)
	m.collect(s)
	s.chances = m.probabilities(s.chances, m.sum(s.rows))
}

// grade sets what the stage weighs of every text: how likely it is an attack, or
// unwanted at all, and the sentence that says so.
func (m *Model) grade(res *Result, text string, s *scratch) {
	res.read = true
	worst, spam := -1, 0.0
	for i, l := range m.labels {
		p := s.chances[i]
		switch {
		case l.kind == "intent" && l.name == "benign":
			res.unwanted = 1 - p
		case l.kind == "tag" && l.name == "attack":
			res.attack = p
			if p >= spam {
				worst, spam = i, p
			}
		case l.kind == "tag" && l.name == "spam" && p > spam:
			worst, spam = i, p
		}
	}
	if worst >= 0 && max(res.attack, res.unwanted) >= 0.5 {
		res.quote, res.words = m.explain(text, s, worst)
	}
}

// LikeliestAttack returns the intent other than benign that fits a text best,
// however badly.
func (m *Model) LikeliestAttack(subject, body string) string {
	text := join(subject, body)
	s := m.spare.get(m)
	defer m.spare.pool.Put(s)
	s.tokens = tokens(s.tokens, text)
	m.judge(text, s)
	best, found := "", -1.0
	for i, l := range m.labels {
		if p := s.chances[i]; l.kind == "intent" && l.name != "benign" && p > found {
			best, found = l.name, p
		}
	}
	return best
}

// collect sets s.rows to the model's rows for the features, each once: those of
// words in s.rows[0], those of pieces of words in s.rows[1].
func (m *Model) collect(s *scratch) {
	s.rows[0], s.rows[1] = s.rows[0][:0], s.rows[1][:0]
	for _, f := range s.features {
		r := m.rowOf.find(f.key)
		if r < 0 || s.seen[r>>6]&(1<<(r&63)) != 0 {
			continue
		}
		s.seen[r>>6] |= 1 << (r & 63)
		if f.plain {
			s.rows[0] = append(s.rows[0], r)
		} else {
			s.rows[1] = append(s.rows[1], r)
		}
	}
	clear(s.seen)
}

// rows are a text's rows of words and of pieces of words.
type rows [2][]int32

// piece is what a piece of a word counts against a word: there are many, and
// they say less.
const piece = 0.15

// sum returns each label's weighted sum over the rows.
func (m *Model) sum(rows rows) []float32 {
	n := len(m.labels)
	sums := make([]int32, 2*n)
	for kind, list := range rows {
		sums := sums[kind*n:][:n]
		for _, r := range list {
			for i, w := range m.rows[int(r)*n:][:n] {
				sums[i] += int32(w)
			}
		}
	}
	z := make([]float32, n)
	norm := rows.norm()
	for i, l := range m.labels {
		total := float32(sums[i]) + float32(piece*float32(sums[n+i]))
		z[i] = float32(float32(total*l.scale)*norm) + l.bias
	}
	return z
}

// norm makes texts of different lengths comparable: what one word counts.
func (r rows) norm() float32 {
	n := float64(len(r[0])) + piece*piece*float64(len(r[1]))
	return float32(1 / math.Sqrt(max(n, leastRows)))
}

// leastRows keeps a handful of known words in a text of unknown ones from
// speaking as loudly as a whole text.
const leastRows = 60

// probabilities returns each label's, from all labels' sums. The slice dst is
// reused.
func (m *Model) probabilities(dst []float64, z []float32) []float64 {
	dst = dst[:0]
	// An attack has one of the intents that it can have, mostly one only.
	intents := 0.0
	for i, l := range m.labels {
		p := sigmoid(float64(float64(l.a)*float64(z[i])) + float64(l.b))
		if l.given >= 0 && l.kind == "intent" {
			intents += p
		}
		dst = append(dst, p)
	}
	for i, l := range m.labels {
		if l.given < 0 {
			continue
		}
		if l.kind == "intent" {
			dst[i] /= max(leastShare, intents)
		}
		dst[i] = min(1, dst[i]) * dst[l.given] // which is given none itself
	}
	return dst
}

// leastShare keeps intents that all seem unlikely from being made likely only
// because an attack must have one.
const leastShare = 0.4

// sigmoid is the logistic function. It is computed with operations that every
// machine does alike, because training must give the same bits everywhere.
func sigmoid(x float64) float64 {
	if x < -40 {
		return 0
	}
	if x > 40 {
		return 1
	}
	return 1 / (1 + exp(-x))
}

// exp is e to the x for |x| ≤ 40, to about 1e-12: 2^k times a polynomial. The
// conversions forbid the compiler to fuse a product with a sum, which some
// machines would round differently.
func exp(x float64) float64 {
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(k*math.Ln2)
	sum, term := 1.0, 1.0
	for i := 1; i <= 13; i++ {
		term = float64(term*r) / float64(i)
		sum += term
	}
	return math.Ldexp(sum, int(k))
}
