package text

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
)

// Model is what training made: n-grams with a weight for each label, and what
// turns a sum of weights into a probability. It is immutable.
type Model struct {
	labels []label
	keys   []uint32 // sorted
	rows   []int8   // len(keys) × len(labels)
	langs  []string // ISO 639-1, of profiles
	// profiles holds for each hashed 3-gram of grams (sorted) its log-likelihoods,
	// one for each language, in sixteenths of a bit.
	grams    []uint32
	profiles []int8

	rowOf   table // of keys
	gramOf  table // of grams
	phrases phrases
	spare   scratches
}

// label is one thing to recognise, with its share of the model.
type label struct {
	kind, name string
	scale      float32 // of a stored weight
	bias       float32
	// a and b calibrate: the probability is 1/(1+exp(−(a·z+b))).
	a, b float32
	// given is the index of the label under which this one is told apart, −1
	// for none: its probability is that of both.
	given int
}

// table finds the index of a key, by open addressing.
type table struct {
	slots []slot
	mask  uint32
}

type slot struct {
	key uint32
	row int32 // +1; 0 is empty
}

const (
	modelMagic = "foregate text 1\n"
	// MaxModel bounds a model file in bytes.
	MaxModel     = 4 << 20
	maxLabels    = 128
	maxLanguages = 64
	maxName      = 128
)

// index makes the look-up tables.
func (m *Model) index() { m.rowOf, m.gramOf = newTable(m.keys), newTable(m.grams) }

func newTable(keys []uint32) table {
	size := 16
	for size < 3*len(keys) {
		size *= 2
	}
	t := table{make([]slot, size), uint32(size - 1)}
	for i, k := range keys {
		at := k & t.mask
		for t.slots[at].row != 0 {
			at = (at + 1) & t.mask
		}
		t.slots[at] = slot{k, int32(i + 1)}
	}
	return t
}

// find returns the index of a key, −1 when there is none.
func (t *table) find(k uint32) int32 {
	for at := k & t.mask; ; at = (at + 1) & t.mask {
		s := t.slots[at]
		if s.row == 0 || s.key == k {
			return s.row - 1
		}
	}
}

// Bytes returns the model as New reads it: equal models give equal bytes.
func (m *Model) Bytes() []byte {
	b := []byte(modelMagic)
	str := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	f32 := func(f float32) { b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f)) }
	b = binary.AppendUvarint(b, uint64(len(m.labels)))
	for _, l := range m.labels {
		str(l.kind)
		str(l.name)
		for _, f := range []float32{l.scale, l.bias, l.a, l.b} {
			f32(f)
		}
		b = binary.AppendUvarint(b, uint64(l.given+1))
	}
	b = binary.AppendUvarint(b, uint64(len(m.keys)))
	last := uint32(0)
	for _, k := range m.keys {
		b = binary.AppendUvarint(b, uint64(k-last))
		last = k
	}
	for _, w := range m.rows {
		b = append(b, byte(w))
	}
	b = binary.AppendUvarint(b, uint64(len(m.langs)))
	for _, l := range m.langs {
		str(l)
	}
	b = binary.AppendUvarint(b, uint64(len(m.grams)))
	for i, k := range m.grams {
		b = binary.LittleEndian.AppendUint32(b, k)
		for _, w := range m.profiles[i*len(m.langs):][:len(m.langs)] {
			b = append(b, byte(w))
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// New reads a model from the bytes of its file.
func New(data []byte) (*Model, error) {
	m, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("reading the text model: %w", err)
	}
	m.index()
	m.phrases = readPhrases(entityTable)
	return m, nil
}

func decode(data []byte) (*Model, error) {
	if len(data) > MaxModel {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(data), MaxModel)
	}
	body, ok := bytes.CutPrefix(data, []byte(modelMagic))
	if !ok || len(body) < 4 {
		return nil, errors.New("not a text model")
	}
	end := len(data) - 4
	if crc32.ChecksumIEEE(data[:end]) != binary.LittleEndian.Uint32(data[end:]) {
		return nil, errors.New("the checksum differs: the file is damaged")
	}
	r := &reader{data: body[:len(body)-4]}
	m := &Model{}
	for range r.count(maxLabels) {
		m.labels = append(m.labels, label{
			kind: r.str(), name: r.str(),
			scale: r.f32(), bias: r.f32(), a: r.f32(), b: r.f32(),
			given: r.count(maxLabels) - 1,
		})
	}
	for i, l := range m.labels {
		// A label given comes first and is given none itself.
		if l.given >= i || l.given >= 0 && m.labels[l.given].given >= 0 {
			return nil, errors.New("labels out of order")
		}
	}
	n, last := r.count(MaxModel), uint32(0)
	for i := range n {
		d := uint32(r.uvarint())
		if i > 0 && d == 0 {
			return nil, errors.New("features out of order")
		}
		last += d
		m.keys = append(m.keys, last)
		if r.bad {
			break
		}
	}
	m.rows = r.int8s(n * len(m.labels))
	for range r.count(maxLanguages) {
		m.langs = append(m.langs, r.str())
	}
	for range r.count(MaxModel) {
		m.grams = append(m.grams, binary.LittleEndian.Uint32(r.bytes(4)))
		if m.profiles = append(m.profiles, r.int8s(len(m.langs))...); r.bad {
			break
		}
	}
	if r.bad || len(r.data) != 0 || !slices.IsSorted(m.keys) || !slices.IsSorted(m.grams) {
		return nil, errors.New("it does not hold what it announces")
	}
	return m, nil
}

// reader takes values from bytes; after the first that is not there it is bad.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) bytes(n int) []byte {
	if r.bad || n < 0 || n > len(r.data) {
		r.bad = true
		return make([]byte, min(max(n, 0), 4))
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) count(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *reader) str() string {
	n := r.count(maxName)
	if b := r.bytes(n); !r.bad {
		return string(b)
	}
	return ""
}

func (r *reader) f32() float32 {
	f := math.Float32frombits(binary.LittleEndian.Uint32(r.bytes(4)))
	if f != f || math.IsInf(float64(f), 0) {
		r.bad = true
		return 0
	}
	return f
}

func (r *reader) int8s(n int) []int8 {
	b := r.bytes(n)
	if r.bad {
		return nil
	}
	out := make([]int8, n)
	for i, c := range b {
		out[i] = int8(c)
	}
	return out
}
