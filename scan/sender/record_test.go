package sender

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func all(kind) bool { return true }

// simulated is the record of a sender after some messages whose traits drift.
func simulated(r *rand.Rand, messages int, keeps func(kind) bool) record {
	law := laws()
	var rec record
	day := int32(20000)
	base := [numKinds]uint32{}
	for k := range base {
		base[k] = r.Uint32() & 0xFFFFFF
	}
	for range messages {
		day += int32(r.IntN(4))
		l := &lesson{Day: day, Trust: trustProven, Address: "a"}
		for k := range numKinds {
			h := base[k]
			if r.Float64() < .2 {
				h = r.Uint32() & 0xFFFFFF
			}
			l.Traits = append(l.Traits, uint32(k)<<24|h)
			for law[k].multi && r.IntN(2) == 0 {
				l.Traits = append(l.Traits, uint32(k)<<24|r.Uint32()&0xFFFFFF)
			}
		}
		rec.learn(l, capAddress, &law, keeps)
	}
	return rec
}

func TestRecordSize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	largest, pairs := 0, 0
	for i := range 300 {
		rec := simulated(r, 1+i, all)
		if n := len(rec.appendTo(nil)); n > MaxRecord {
			t.Fatalf("a sender of %d messages takes %d bytes, more than %d", 1+i, n, MaxRecord)
		} else {
			largest = max(largest, n)
		}
		pair := simulated(r, 1+i, pairKind)
		pairs = max(pairs, len(pair.appendTo(nil))+keySize)
	}
	if largest < MaxRecord/2 {
		t.Errorf("the largest record has %d bytes: the simulation does not reach the bound", largest)
	}
	if pairs > 400 {
		t.Errorf("a pair takes %d bytes at rest with its key, more than 400", pairs)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rec := simulated(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), rapid.IntRange(0, 60).Draw(t, "messages"), all)
		first := rec.appendTo(nil)
		back, err := decodeRecord(first)
		if err != nil {
			t.Fatal(err)
		}
		// Ages are kept in weeks, so that a second trip must change nothing.
		if second := back.appendTo(nil); !bytes.Equal(first, second) {
			t.Fatalf("stored again it differs:\n%x\n%x", first, second)
		}
		if back.in != rec.in || back.days != rec.days || back.firstDay != rec.firstDay || back.total != rec.total {
			t.Fatalf("%+v comes back as %+v", rec, back)
		}
	})
}

// A message that proves more teaches at least as much.
func TestLearningIsMonotoneInTrust(t *testing.T) {
	law := laws()
	rapid.Check(t, func(t *rapid.T) {
		seed, n := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 30).Draw(t, "messages")
		before := simulated(rand.New(rand.NewPCG(seed, 0)), n, all)
		less := uint16(rapid.SampledFrom([]int{trustFailed, trustUnknown, trustProven}).Draw(t, "less"))
		more := uint16(rapid.SampledFrom([]int{trustFailed, trustUnknown, trustProven}).Draw(t, "more"))
		if more < less {
			more, less = less, more
		}
		after := func(trust uint16) record {
			rec := simulated(rand.New(rand.NewPCG(seed, 0)), n, all)
			rec.learn(&lesson{Day: before.lastIn + 1, Trust: trust, Traits: []uint32{uint32(kindMailer)<<24 | 0xABCDEF}}, capAddress, &law, all)
			return rec
		}
		a, b := after(less), after(more)
		var ca, cb uint16
		if s := a.find(kindMailer, 0xABCDEF); s != nil {
			ca = s.count
		}
		if s := b.find(kindMailer, 0xABCDEF); s != nil {
			cb = s.count
		}
		if ca > cb {
			t.Fatalf("trust %d teaches %d, trust %d teaches %d", less, ca, more, cb)
		}
	})
}

// However much comes in one day, it teaches no more than the cap.
func TestPoisoningIsBounded(t *testing.T) {
	law := laws()
	rapid.Check(t, func(t *rapid.T) {
		rec := simulated(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), rapid.IntRange(0, 80).Draw(t, "messages"), all)
		day := rec.lastIn + 1
		before := rec.n[kindMailer]
		for range rapid.IntRange(1, 200).Draw(t, "flood") {
			rec.learn(&lesson{Day: day, Trust: trustProven, Traits: []uint32{uint32(kindMailer)<<24 | 0x123456}}, capAddress, &law, all)
		}
		s := rec.find(kindMailer, 0x123456)
		if s == nil || s.count > capAddress || rec.spent > capAddress {
			t.Fatalf("a day taught %v, more than %d", s, capAddress)
		}
		if rec.n[kindMailer] > before+capAddress {
			t.Fatalf("a day raised the count from %d to %d", before, rec.n[kindMailer])
		}
	})
}

func TestUnprovenMailTeachesNothingAboutProvenSenders(t *testing.T) {
	law := laws()
	rec := simulated(rand.New(rand.NewPCG(3, 3)), 20, all)
	want := rec.appendTo(nil)
	for _, trust := range []uint16{trustFailed, trustUnknown} {
		if rec.learn(&lesson{Day: rec.lastIn, Trust: trust, Traits: []uint32{uint32(kindMailer)<<24 | 1}}, capAddress, &law, all) {
			t.Errorf("mail of trust %d is believed", trust)
		}
	}
	if d := cmp.Diff(want, rec.appendTo(nil)); d != "" {
		t.Errorf("unproven mail changed the record:\n%s", d)
	}
}

func TestDecay(t *testing.T) {
	law := laws()
	var rec record
	for d := range int32(20) {
		rec.learn(&lesson{Day: 20000 + d, Trust: trustProven, Traits: []uint32{uint32(kindMailer)<<24 | 7}}, capAddress, &law, all)
	}
	had := rec.find(kindMailer, 7).count
	rec.decay(20000 + 3*decayEvery)
	if got := rec.find(kindMailer, 7); got == nil || got.count >= had || got.count < had/3 {
		t.Errorf("after 90 days %v is left of %d", got, had)
	}
	rec.decay(20000 + 100*decayEvery)
	if got := rec.find(kindMailer, 7); got != nil {
		t.Errorf("after eight years %+v is left", *got)
	}
	if rec.in != 20 {
		t.Errorf("the number of messages decayed to %d", rec.in)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{0, 1, 10, 200} {
		rec := simulated(r, n, all)
		f.Add(rec.appendTo(nil))
	}
	f.Add([]byte{recordVersion, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := decodeRecord(data)
		if err != nil {
			return
		}
		law := laws()
		rec.learn(&lesson{Day: 20500, Trust: trustProven, Traits: []uint32{1, 2 << 24, 0xFFFFFFFF}}, capAddress, &law, all)
		out := rec.appendTo(nil)
		if len(out) > MaxRecord {
			t.Fatalf("%d bytes from %x", len(out), data)
		}
		if _, err := decodeRecord(out); err != nil {
			t.Fatalf("%x is written as %x, which can't be read", data, out)
		}
	})
}

func FuzzDecodeMemo(f *testing.F) {
	m := memo{day: 20000, ours: true, addrs: []uint32{1, 2}, roots: []uint32{3}, lines: []uint32{4, 5, 6}, texts: []string{"example.com"}}
	f.Add(m.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMemo(data)
		if err != nil || len(data) == 0 {
			return
		}
		back, err := decodeMemo(m.encode())
		if err != nil {
			t.Fatalf("%x: %v", data, err)
		}
		if d := cmp.Diff(len(m.addrs), len(back.addrs)); d != "" {
			t.Fatal(d)
		}
	})
}
