package text

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"foregate/training"
)

// Knobs of training; changing one changes the model.
const (
	folds       = 3     // of cross-fitting, by base text
	epochs      = 6     // passes over the examples
	rate        = 0.12  // Adagrad's
	decay       = 0.02  // L2, at each step, of the weights touched
	leastBases  = 3     // base texts that must share an n-gram
	maxFeatures = 72000 // × (labels + 2) bytes stay below MaxModel
	profileSize = 700   // 3-grams of each language
	passOver    = 0.004 // errors so small teach nothing
	trainSeed   = 7
)

// OwnMail stands in the place of the language of an operator's messages: they are
// told apart in the scores, and teach nothing about languages.
const OwnMail = "own"

// Score is how well a label was told on base texts that the model had not seen.
type Score struct {
	Language string // "" for all, OwnMail for an operator's
	Label    string
	Texts    int // examples that have the label
	Found    int // of them, at medium confidence or more
	Wrong    int // examples without the label that got it
	Of       int // examples without the label
}

// Train makes a model of examples, always the same of the same. The scores are
// those of cross-fitting: each base text judged by a model that has not seen it.
func Train(labels []training.Label, examples []training.Example) (*Model, []Score, error) {
	if len(labels) == 0 || len(labels) > maxLabels || len(examples) == 0 {
		return nil, nil, errors.New("training: no labels or no examples")
	}
	t, err := prepare(labels, examples)
	if err != nil {
		return nil, nil, fmt.Errorf("training: %w", err)
	}
	z := make([][]float32, len(t.docs))
	for f := range folds {
		t.fit(func(d *doc) bool { return d.fold != f })
		m := t.quantise()
		for i := range t.docs {
			if t.docs[i].fold == f {
				z[i] = m.sum(t.docs[i].rows)
			}
		}
	}
	t.fit(func(*doc) bool { return true })
	m := t.quantise()
	for l := range m.labels {
		m.labels[l].a, m.labels[l].b = t.calibrate(l, z)
	}
	m.langs, m.grams, m.profiles = profile(examples)
	out, err := New(m.Bytes())
	if err != nil {
		return nil, nil, fmt.Errorf("training: %w", err)
	}
	return out, t.scores(out, labels, z), nil
}

// doc is an example as training sees it.
type doc struct {
	rows rows
	yes  []bool // by label
	off  []bool // by label: not asked, because the label given is absent
	fold int
	lang string
}

type trainer struct {
	labels  []training.Label
	given   []int
	keys    []uint32
	docs    []doc
	weights []float32 // len(keys) × len(labels)
	squares []float32 // Adagrad's
	bias    []float32
}

// prepare chooses the features and turns the examples into rows.
func prepare(labels []training.Label, examples []training.Example) (*trainer, error) {
	code := map[string]int{}
	for i, l := range labels {
		code[l.Code] = i
	}
	lists := make([][]uint32, len(examples))
	plain := map[uint32]bool{}
	bases := map[uint32]int{}
	last := map[uint32]string{}
	var s scratch
	for i, ex := range examples {
		text := join(ex.Subject, ex.Body)
		s.tokens = tokens(s.tokens, text)
		s.features = features(s.features, text, s.tokens)
		keys := make([]uint32, 0, len(s.features))
		for _, f := range s.features {
			keys = append(keys, f.key)
			plain[f.key] = f.plain
		}
		slices.Sort(keys)
		lists[i] = slices.Compact(keys)
		for _, k := range lists[i] {
			if last[k] != ex.Base {
				last[k] = ex.Base
				bases[k]++
			}
		}
	}
	t := &trainer{labels: labels, keys: choose(bases)}
	for _, l := range labels {
		g, ok := code[l.Given]
		if !ok {
			g = -1
		}
		t.given = append(t.given, g)
	}
	index := make(map[uint32]int32, len(t.keys))
	for i, k := range t.keys {
		index[k] = int32(i)
	}
	number := map[string]int{}
	for i, ex := range examples {
		if _, ok := number[ex.Base]; !ok {
			number[ex.Base] = len(number)
		}
		d := doc{yes: make([]bool, len(labels)), off: make([]bool, len(labels)), fold: number[ex.Base] % folds, lang: ex.Language}
		for _, k := range lists[i] {
			r, ok := index[k]
			switch {
			case ok && plain[k]:
				d.rows[0] = append(d.rows[0], r)
			case ok:
				d.rows[1] = append(d.rows[1], r)
			}
		}
		for _, c := range ex.Labels {
			l, ok := code[c]
			if !ok {
				return nil, fmt.Errorf("%s: unknown label %q", ex.Base, c)
			}
			d.yes[l] = true
			if g := t.given[l]; g >= 0 {
				d.yes[g] = true
			}
		}
		for l, g := range t.given {
			d.off[l] = g >= 0 && !d.yes[g]
		}
		t.docs = append(t.docs, d)
	}
	n := len(t.keys) * len(labels)
	t.weights, t.squares, t.bias = make([]float32, n), make([]float32, n), make([]float32, len(labels))
	return t, nil
}

// choose returns the keys that enough base texts share, sorted; the commonest
// when there are too many.
func choose(bases map[uint32]int) []uint32 {
	var keys []uint32
	for k, n := range bases {
		if n >= leastBases {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b uint32) int {
		if bases[a] != bases[b] {
			return bases[b] - bases[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	keys = keys[:min(len(keys), maxFeatures)]
	slices.Sort(keys)
	return keys
}

// fit learns the weights of all labels from the docs that are in, from nothing,
// by stochastic gradient descent with Adagrad's steps.
func (t *trainer) fit(in func(*doc) bool) {
	clear(t.weights)
	clear(t.squares)
	clear(t.bias)
	n := len(t.labels)
	biasSquares := make([]float32, n)
	var order []int
	for i := range t.docs {
		if in(&t.docs[i]) {
			order = append(order, i)
		}
	}
	rng := rand.New(rand.NewPCG(trainSeed, uint64(len(order))))
	z, g := make([]float32, n), make([]float32, n)
	for range epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			t.step(&t.docs[i], z, g, biasSquares)
		}
	}
}

// step learns from one doc. Conversions keep products and sums apart, so that
// no machine fuses them.
func (t *trainer) step(d *doc, z, g, biasSquares []float32) {
	n := len(z)
	v := d.rows.norm()
	clear(z)
	share := [2]float32{1, piece}
	for kind, list := range d.rows {
		for _, r := range list {
			for i, w := range t.weights[int(r)*n:][:n] {
				z[i] += float32(w * share[kind])
			}
		}
	}
	var active []int
	for i := range z {
		e := float32(sigmoid(float64(float32(z[i]*v) + t.bias[i])))
		if d.yes[i] {
			e -= 1
		}
		if !d.off[i] && (e > passOver || e < -passOver) {
			active = append(active, i)
			biasSquares[i] += float32(e * e)
			t.bias[i] -= float32(rate*e) / root(biasSquares[i])
		}
		g[i] = float32(e * v)
	}
	for kind, list := range d.rows {
		for _, r := range list {
			w, sq := t.weights[int(r)*n:][:n], t.squares[int(r)*n:][:n]
			for _, i := range active {
				e := float32(g[i]*share[kind]) + float32(decay*w[i])
				sq[i] += float32(e * e)
				w[i] -= float32(rate*e) / root(sq[i])
			}
		}
	}
}

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) + 1e-4 }

// quantise makes the model of the weights, 8 bits each, a scale for each label.
func (t *trainer) quantise() *Model {
	n := len(t.labels)
	m := &Model{keys: t.keys, rows: make([]int8, len(t.weights))}
	for l, lab := range t.labels {
		most := float32(1e-6)
		for i := l; i < len(t.weights); i += n {
			most = max(most, t.weights[i], -t.weights[i])
		}
		scale := most / 127
		for i := l; i < len(t.weights); i += n {
			m.rows[i] = int8(math.RoundToEven(float64(t.weights[i] / scale)))
		}
		m.labels = append(m.labels, label{kind: lab.Kind, name: lab.Name, scale: scale, bias: t.bias[l], a: 1, given: t.given[l]})
	}
	return m
}

// leastPositive is how many examples a label must have before its curve is
// fitted rather than taken as it is.
const leastPositive = 12

// calibrate fits Platt's curve of a label to the sums of docs that the weights
// were not learnt from, by Newton's method, with Platt's smoothed targets.
func (t *trainer) calibrate(l int, z [][]float32) (a, b float32) {
	pos, neg := 0, 0
	for i := range t.docs {
		switch d := &t.docs[i]; {
		case d.yes[l]:
			pos++
		case !d.off[l]:
			neg++
		}
	}
	if pos < leastPositive || neg < leastPositive {
		return 1, 0
	}
	hi, lo := float64(pos+1)/float64(pos+2), 1/float64(neg+2)
	x, y := 1.0, -1.0
	for range 80 {
		var ga, gb, haa, hab, hbb float64
		for i := range t.docs {
			if t.docs[i].off[l] {
				continue
			}
			s := float64(z[i][l])
			p := sigmoid(float64(x*s) + y)
			target := lo
			if t.docs[i].yes[l] {
				target = hi
			}
			e, w := p-target, float64(p*(1-p))
			ga += float64(e * s)
			gb += e
			haa += float64(float64(w*s) * s)
			hab += float64(w * s)
			hbb += w
		}
		haa, hbb = haa+1e-3, hbb+1e-3
		det := float64(haa*hbb) - float64(hab*hab)
		if det <= 0 {
			break
		}
		// Bounded steps keep Newton's method from leaping.
		x -= bounded((float64(hbb*ga) - float64(hab*gb)) / det)
		y -= bounded((float64(haa*gb) - float64(hab*ga)) / det)
		x, y = max(0.2, min(x, 8)), max(-12, min(y, 12))
	}
	return float32(x), float32(y)
}

func bounded(step float64) float64 { return max(-0.3, min(step, 0.3)) }

// scores counts hits by label, over all languages and for each.
func (t *trainer) scores(m *Model, labels []training.Label, z [][]float32) []Score {
	type at struct {
		lang  string
		label int
	}
	found := map[at]*Score{}
	for i := range t.docs {
		d := &t.docs[i]
		for l, p := range m.probabilities(nil, z[i]) {
			for _, lang := range []string{"", d.lang} {
				s := found[at{lang, l}]
				if s == nil {
					s = &Score{Language: lang, Label: labels[l].Name}
					found[at{lang, l}] = s
				}
				hit := p >= MediumFrom
				switch {
				case d.yes[l] && hit:
					s.Texts++
					s.Found++
				case d.yes[l]:
					s.Texts++
				case hit:
					s.Of++
					s.Wrong++
				default:
					s.Of++
				}
			}
		}
	}
	var out []Score
	langs := []string{""}
	for i := range t.docs {
		if !slices.Contains(langs, t.docs[i].lang) {
			langs = append(langs, t.docs[i].lang)
		}
	}
	slices.Sort(langs)
	for _, lang := range langs {
		for l := range labels {
			if s := found[at{lang, l}]; s != nil {
				out = append(out, *s)
			}
		}
	}
	return out
}

// profile counts each language's 3-grams and keeps the commonest of each, with
// their likelihoods in all.
func profile(examples []training.Example) (langs []string, grams []uint32, rows []int8) {
	langs = slices.DeleteFunc(training.Languages(examples), func(lang string) bool { return lang == OwnMail })
	counts := make([]map[uint32]int, len(langs))
	totals := make([]int, len(langs))
	for i, lang := range langs {
		counts[i] = map[uint32]int{}
		for _, ex := range examples {
			if ex.Language == lang {
				trigrams(ex.Subject+"\n"+ex.Body, func(k uint32) { counts[i][k]++; totals[i]++ })
			}
		}
	}
	for i := range langs {
		keys := make([]uint32, 0, len(counts[i]))
		for k := range counts[i] {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b uint32) int {
			if counts[i][a] != counts[i][b] {
				return counts[i][b] - counts[i][a]
			}
			if a < b {
				return -1
			}
			return 1
		})
		grams = append(grams, keys[:min(len(keys), profileSize)]...)
	}
	slices.Sort(grams)
	grams = slices.Compact(grams)
	for _, k := range grams {
		for i := range langs {
			rows = append(rows, logLikelihood(counts[i][k], totals[i]))
		}
	}
	return langs, grams, rows
}

// logLikelihood is log2 of a smoothed share in eighths, by whole shifts and a
// table-free interpolation, so that every machine gets the same.
func logLikelihood(count, total int) int8 {
	x := float64(float64(count)+0.5) / float64(total+1000)
	e := 0
	for x < 1 && e < 30 {
		x *= 2
		e++
	}
	return int8(max(-127, min(127, int(math.RoundToEven((x-1-float64(e)+15)*8)))))
}
