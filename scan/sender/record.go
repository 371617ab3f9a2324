package sender

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// A record is what is remembered of one sender address, domain or pair. Its
// stored form is bounded by MaxRecord whatever is learned: values are 24-bit
// keyed hashes with a decaying count, at most a few of each kind, and the least
// telling ones give way.

// MaxRecord bounds the stored form of one record in bytes. With its key of
// keySize bytes a pair stays within 400 bytes at rest.
const MaxRecord = 400 - keySize

const (
	recordVersion = 1
	// unit is the weight of one fully trusted message in counts.
	unit = 4
	// maxCount bounds a count: older mail is forgotten rather than outvoting
	// the new.
	maxCount = 200 * unit
	// maxSlots bounds the values of one record in memory, all kinds together:
	// what the laws allow.
	maxSlots = 128
	// decayEvery is how many days pass between decays; each takes a fifth.
	decayEvery = 30
	decayKeep  = .8
	// maxDecays bounds the work for a record long untouched: after so many
	// nothing is left.
	maxDecays = 40
)

// The flags of a record.
const (
	flagSolicited     = 1 << iota // we wrote to it
	flagBenign                    // delivered mail was learned
	flagMalicious                 // mail was held, refused or reported
	flagFalsePositive             // held mail was released
	flagFailed                    // mail failed authentication
	flagIndexed                   // its name and spelling are in the index of look-alikes
	allFlags          = 1<<iota - 1
)

// record is the memory of one key. Days count from 1970-01-01 UTC; 0 is never.
type record struct {
	flags           uint8
	firstDay        int32 // first contact in either direction
	lastIn, lastOut int32
	in, out         uint32 // messages, never decayed
	days            uint16 // distinct days with mail from it
	proven          uint16 // decayed units of proven mail
	total           uint16 // decayed units of all mail
	learnDay        int32  // the day that spent counts
	spent           uint16 // units learned on learnDay
	decayDay        int32
	n               [numKinds]uint16 // decayed units of messages that had the kind
	novel           [numKinds]uint16 // decayed units of messages that showed a new value
	slots           []slot
}

// slot is one remembered value.
type slot struct {
	kind  kind
	hash  uint32
	count uint16
	day   int32 // last seen
}

// weeks is how long before a day the value was last seen.
func (s slot) weeks(day int32) int32 { return max(0, day-s.day) / 7 }

var errRecord = errors.New("the record is damaged")

// find returns the slot of a value, nil when it is not remembered.
func (r *record) find(k kind, hash uint32) *slot {
	for i := range r.slots {
		if r.slots[i].kind == k && r.slots[i].hash == hash {
			return &r.slots[i]
		}
	}
	return nil
}

// top returns the most frequent value of a kind.
func (r *record) top(k kind) (slot, bool) {
	var best slot
	for _, s := range r.slots {
		if s.kind == k && s.count > best.count {
			best = s
		}
	}
	return best, best.count > 0
}

// decay ages the counts to a day.
func (r *record) decay(day int32) {
	if r.decayDay == 0 || day < r.decayDay {
		if r.decayDay == 0 {
			r.decayDay = day
		}
		return
	}
	steps := (day - r.decayDay) / decayEvery
	if steps == 0 {
		return
	}
	r.decayDay += steps * decayEvery
	keep := math.Pow(decayKeep, float64(min(steps, maxDecays)))
	age := func(c uint16) uint16 { return uint16(float64(c)*keep + .5) }
	r.proven, r.total = age(r.proven), age(r.total)
	for k := range r.n {
		r.n[k], r.novel[k] = age(r.n[k]), age(r.novel[k])
	}
	kept := r.slots[:0]
	for _, s := range r.slots {
		if s.count = uint16(float64(s.count) * keep); s.count > 0 {
			kept = append(kept, s)
		}
	}
	r.slots = kept
}

// add counts the values of one message of a kind, weighing w units.
func (r *record) add(k kind, hashes []uint32, w uint16, day int32, most int) {
	if len(hashes) == 0 || w == 0 {
		return
	}
	if r.n[k]+w > maxCount {
		r.halve(k)
	}
	fresh := false
	for _, h := range hashes {
		s := r.find(k, h)
		if s == nil {
			fresh = true
			r.insert(slot{kind: k, hash: h, count: w, day: day}, most)
			continue
		}
		s.count = min(maxCount, s.count+w)
		s.day = max(s.day, day)
	}
	if fresh && r.n[k] > 0 {
		r.novel[k] = min(maxCount, r.novel[k]+w)
	}
	r.n[k] = min(maxCount, r.n[k]+w)
}

// halve makes room for newer mail; shares stay as they are.
func (r *record) halve(k kind) {
	r.n[k], r.novel[k] = r.n[k]/2, r.novel[k]/2
	for i := range r.slots {
		if s := &r.slots[i]; s.kind == k {
			s.count = max(1, s.count/2)
		}
	}
}

// share is how much of the mail with a kind shows the value.
func (r *record) share(k kind, hash uint32) float64 {
	s := r.find(k, hash)
	if s == nil || r.n[k] == 0 {
		return 0
	}
	return min(1, float64(s.count)/float64(r.n[k]))
}

// insert adds a value, in the place of the least frequent and oldest of its
// kind when there are enough.
func (r *record) insert(s slot, most int) {
	n, worst := 0, -1
	for i := range r.slots {
		if r.slots[i].kind != s.kind {
			continue
		}
		n++
		if worst < 0 || lessTelling(r.slots[i], r.slots[worst]) {
			worst = i
		}
	}
	switch {
	case n >= most:
		r.slots[worst] = s
	case len(r.slots) < maxSlots:
		r.slots = append(r.slots, s)
	}
}

// lessTelling orders values by how little is lost without them.
func lessTelling(a, b slot) bool {
	if a.count != b.count {
		return a.count < b.count
	}
	return a.day < b.day
}

// appendTo appends the stored form: at most MaxRecord bytes, for which the
// least telling values are left out.
func (r *record) appendTo(dst []byte) []byte {
	slots := slices.Clone(r.slots)
	for i := range slots { // ages are kept in weeks
		slots[i].day = r.lastIn - slots[i].weeks(r.lastIn)*7
	}
	slices.SortFunc(slots, func(a, b slot) int {
		switch {
		case a.kind != b.kind:
			return int(a.kind) - int(b.kind)
		case lessTelling(b, a):
			return -1
		case lessTelling(a, b):
			return 1
		}
		return int(a.hash) - int(b.hash)
	})
	for {
		out := r.encode(dst, slots)
		if len(out)-len(dst) <= MaxRecord || len(slots) == 0 {
			return out
		}
		slots = dropOne(slots)
	}
}

// dropOne leaves out the least telling value of the kind that has most.
func dropOne(slots []slot) []slot {
	var have [numKinds]int
	for _, s := range slots {
		have[s.kind]++
	}
	most := 0
	for k := range have {
		if have[k] > have[most] {
			most = k
		}
	}
	worst := -1
	for i, s := range slots {
		if int(s.kind) == most && (worst < 0 || lessTelling(s, slots[worst])) {
			worst = i
		}
	}
	return slices.Delete(slots, worst, worst+1)
}

func (r *record) encode(dst []byte, slots []slot) []byte {
	out := append(dst, recordVersion, r.flags)
	for _, v := range []uint64{
		uint64(r.firstDay), uint64(r.lastIn), uint64(r.lastOut), uint64(r.in), uint64(r.out), uint64(r.days),
		uint64(r.proven), uint64(r.total), uint64(r.learnDay), uint64(r.spent), uint64(r.decayDay),
	} {
		out = binary.AppendUvarint(out, v)
	}
	for k := range numKinds {
		of := slotsOf(slots, k)
		if r.n[k] == 0 && len(of) == 0 {
			continue
		}
		out = append(out, byte(k), byte(len(of)))
		out = binary.AppendUvarint(out, uint64(r.n[k]))
		out = binary.AppendUvarint(out, uint64(r.novel[k]))
		for _, s := range of {
			out = append(out, byte(s.hash>>16), byte(s.hash>>8), byte(s.hash))
			out = binary.AppendUvarint(out, uint64(s.count))
			out = binary.AppendUvarint(out, uint64(s.weeks(r.lastIn)))
		}
	}
	return out
}

// slotsOf is the run of a kind in sorted slots.
func slotsOf(slots []slot, k kind) []slot {
	from := 0
	for from < len(slots) && slots[from].kind < k {
		from++
	}
	to := from
	for to < len(slots) && slots[to].kind == k {
		to++
	}
	return slots[from:to]
}

// reader takes a stored record apart; after an error everything is zero.
type reader struct {
	data []byte
	bad  bool
}

func (d *reader) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(d.data)
	if n <= 0 || v > most {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *reader) bytes(n int) []byte {
	if len(d.data) < n {
		d.bad = true
		return make([]byte, n)
	}
	out := d.data[:n]
	d.data = d.data[n:]
	return out
}

// decodeRecord reads the stored form. Empty data is a record that knows
// nothing. What it accepts is within all bounds.
func decodeRecord(data []byte) (record, error) {
	var r record
	if len(data) == 0 {
		return r, nil
	}
	if len(data) > MaxRecord {
		return r, errRecord
	}
	d := &reader{data: data}
	if head := d.bytes(2); head[0] != recordVersion || head[1] > allFlags {
		return r, errRecord
	} else {
		r.flags = head[1]
	}
	day := func() int32 { return int32(d.uvarint(math.MaxInt32)) }
	r.firstDay, r.lastIn, r.lastOut = day(), day(), day()
	r.in, r.out = uint32(d.uvarint(math.MaxUint32)), uint32(d.uvarint(math.MaxUint32))
	r.days = uint16(d.uvarint(math.MaxUint16))
	r.proven, r.total = uint16(d.uvarint(maxCount)), uint16(d.uvarint(maxCount))
	r.learnDay, r.spent, r.decayDay = day(), uint16(d.uvarint(math.MaxUint16)), day()
	r.slots = make([]slot, 0, len(d.data)/5)
	for last := -1; len(d.data) > 0 && !d.bad; {
		head := d.bytes(2)
		k := int(head[0])
		if k <= last || k >= int(numKinds) {
			return record{}, errRecord
		}
		last = k
		r.n[k], r.novel[k] = uint16(d.uvarint(maxCount)), uint16(d.uvarint(maxCount))
		for range int(head[1]) {
			h := d.bytes(3)
			s := slot{kind: kind(k), hash: uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])}
			s.count = uint16(d.uvarint(maxCount))
			s.day = r.lastIn - int32(d.uvarint(math.MaxInt32/7))*7
			if d.bad || len(r.slots) == maxSlots || r.find(s.kind, s.hash) != nil {
				return record{}, errRecord
			}
			r.slots = append(r.slots, s)
		}
	}
	if d.bad {
		return record{}, errRecord
	}
	return r, nil
}
