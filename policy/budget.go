package policy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"foregate/evidence"
)

// Budgets bound what people are asked to bear: mail that is wrongly held, and
// alerts to look at. Thresholds on the odds say how sure to be; budgets say how
// much may come of it, whatever the mail of the day is like.
type Budgets struct {
	// FalseHolds is how many messages of a million judged may be held wrongly,
	// as expected from their odds: a message held at 9 to 1 is a tenth of a
	// wrong hold. 0 sets no bound.
	FalseHolds float64
	// Alerts is how many messages a day that were not held are shown to an
	// analyst: the strongest, by their rank among those of the last weeks (Ho and
	// others 2017, directed anomaly scoring). At most MaxAlerts; 0 for none.
	Alerts int
}

const (
	// MaxAlerts bounds the alerts of a day: more nobody reads, and the ledger
	// must stay small.
	MaxAlerts = 200
	// AlertFloor is the odds below which nobody is alerted on the quietest day:
	// one in ten.
	AlertFloor evidence.Weight = -1
	// SureHold is the odds from which on mail is held whatever the budget, so
	// that nobody opens the gate by filling it.
	SureHold evidence.Weight = 2
	// ledgerDays is the window that counts fade over.
	ledgerDays = 30
	// The counts are kept in steps of a twentieth, from AlertFloor to 4.
	ledgerStep = .05
	ledgerBins = 101
)

// Ledger is what budgets remember: counts that fade, and today's alerts. Its
// size is bounded. The zero value is an empty one.
type Ledger struct {
	day    int32
	judged float64 // messages, faded
	days   float64 // days before this one, faded
	held   [ledgerBins]float32
	rest   [ledgerBins]float32
	today  []alert
}

// alert is one alert of today.
type alert struct {
	key  uint64
	odds float32
}

// Case is one judged message, as budgets see it.
type Case struct {
	Day  int // since 1970, UTC
	Odds evidence.Weight
	Held bool   // it would be held for its odds
	Key  uint64 // messages of one key are one alert
	// Others is how many more messages were judged since the last case: those
	// below AlertFloor need no case of their own.
	Others int
}

// Ruling is what budgets say of a case.
type Ruling struct {
	// Lowered: it must not be held. HoldFrom is from which odds on mail is held
	// now.
	Lowered  bool
	HoldFrom evidence.Weight
	// Rank and Of: it is the Rank-th of Of alerts of its day; 0 for no alert.
	// Repeated: an alert of the same key was counted before and is this one.
	Rank, Of int
	Repeated bool
}

// Rule counts a case and says what the budgets allow. It is pure: the ledger
// that is returned replaces the one given.
func (b Budgets) Rule(l Ledger, c Case) (Ledger, Ruling) {
	l = l.turned(c.Day)
	l.judged += float64(1 + max(0, c.Others))
	r := Ruling{HoldFrom: -Never}
	if c.Held {
		r.HoldFrom = b.HoldFrom(l)
		if r.Lowered = c.Odds < r.HoldFrom; !r.Lowered {
			l.held[binOf(c.Odds)]++
		}
	}
	if c.Held && !r.Lowered || c.Odds < AlertFloor || b.Alerts <= 0 {
		return l, r
	}
	b.rank(&l, c, &r)
	return l, r
}

// turned begins a new day when the day is one: counts fade, alerts are new. A
// day before the ledger's counts as the ledger's.
func (l Ledger) turned(day int) Ledger {
	if l.judged == 0 && l.day == 0 {
		l.day = int32(day)
	}
	passed := day - int(l.day)
	if passed <= 0 {
		return l
	}
	fade := math.Pow(1-1./ledgerDays, float64(passed))
	l.days = (l.days + 1) * fade
	l.judged *= fade
	for i := range ledgerBins {
		l.held[i] *= float32(fade)
		l.rest[i] *= float32(fade)
	}
	l.day, l.today = int32(day), nil
	return l
}

// binOf is the step that odds fall into; binFrom its lower end.
func binOf(odds evidence.Weight) int {
	return max(0, min(ledgerBins-1, int((float64(odds)-float64(AlertFloor))/ledgerStep+1e-9)))
}

func binFrom(bin int) evidence.Weight { return AlertFloor + evidence.Weight(float64(bin)*ledgerStep) }

// HoldFrom is from which odds on mail is held by the counts so far, −Never when
// any is. A message is held when it and what was held at its odds or above fit
// the budget, so that the weaker never take the room of the stronger. One wrong
// hold is always allowed, so that a new gate holds.
func (b Budgets) HoldFrom(l Ledger) evidence.Weight {
	if b.FalseHolds <= 0 {
		return -Never
	}
	allowed := 1 + b.FalseHolds/1e6*l.judged
	wrong := 0.0
	for bin := ledgerBins - 1; bin >= 0; bin-- {
		each := 1 - evidence.Probability(binFrom(bin))
		wrong += float64(l.held[bin]) * each
		if wrong+each > allowed {
			return min(SureHold, binFrom(bin+1)+1e-9) // 0 would raise nothing
		}
	}
	return -Never
}

// rank counts a message that is not held and alerts if it is among the
// strongest of the last weeks and of today. Where messages of about the same
// odds (one step) are more than the budget has room for, they share what the
// stronger ones usually leave, first come, first served.
func (b Budgets) rank(l *Ledger, c Case, r *Ruling) {
	most := min(b.Alerts, MaxAlerts)
	for i, a := range l.today {
		if a.key == c.Key {
			r.Rank, r.Of, r.Repeated = i+1, most, true
			return
		}
	}
	bin := binOf(c.Odds)
	days := math.Max(1, l.days)
	stronger := 0.0
	for i := bin + 1; i < ledgerBins; i++ {
		stronger += float64(l.rest[i])
	}
	l.rest[bin]++
	room := most - int(math.Ceil(stronger/days))
	peers := 0 // alerts of today that are no stronger
	for _, a := range l.today {
		if binOf(evidence.Weight(a.odds)) <= bin {
			peers++
		}
	}
	if len(l.today) >= most || peers >= room {
		return
	}
	l.today = append(l.today[:len(l.today):len(l.today)], alert{c.Key, float32(c.Odds)})
	r.Rank, r.Of = len(l.today), most
}

// Sentence says a ruling to people, "" when there is nothing to say.
func (r Ruling) Sentence() string {
	switch {
	case r.Lowered:
		s := fmt.Sprintf("more would be wrongly held than the budget allows: mail is held from odds %s on, this is flagged", Odds(r.HoldFrom))
		if r.Rank > 0 {
			s += "; " + r.alert()
		}
		return s
	case r.Rank > 0:
		return r.alert()
	}
	return ""
}

func (r Ruling) alert() string {
	s := fmt.Sprintf("%s of %d alerts today", ordinal(r.Rank), r.Of)
	if r.Repeated {
		return "like the " + s
	}
	return s
}

// ordinal writes 1st, 2nd, 3rd, 11th.
func ordinal(n int) string {
	end := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			end = "st"
		case 2:
			end = "nd"
		case 3:
			end = "rd"
		}
	}
	return fmt.Sprint(n) + end
}

// ledgerForm is the first byte of the stored form.
const ledgerForm = 1

// MarshalBinary implements encoding.BinaryMarshaler: at most 3.3 kB.
func (l Ledger) MarshalBinary() ([]byte, error) {
	out := []byte{ledgerForm}
	out = binary.BigEndian.AppendUint32(out, uint32(l.day))
	out = binary.BigEndian.AppendUint64(out, math.Float64bits(l.judged))
	out = binary.BigEndian.AppendUint64(out, math.Float64bits(l.days))
	for _, counts := range [][ledgerBins]float32{l.held, l.rest} {
		for _, v := range counts {
			out = binary.BigEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	for _, a := range l.today {
		out = binary.BigEndian.AppendUint64(out, a.key)
		out = binary.BigEndian.AppendUint32(out, math.Float32bits(a.odds))
	}
	return out, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. Nothing is an empty
// ledger.
func (l *Ledger) UnmarshalBinary(data []byte) error {
	const head, each = 1 + 4 + 8 + 8 + 2*4*ledgerBins, 12
	*l = Ledger{}
	if len(data) == 0 {
		return nil
	}
	if data[0] != ledgerForm || len(data) < head || (len(data)-head)%each != 0 || len(data) > head+MaxAlerts*each {
		return errors.New("reading the ledger of budgets: not in its form")
	}
	l.day = int32(binary.BigEndian.Uint32(data[1:]))
	l.judged = number(binary.BigEndian.Uint64(data[5:]))
	l.days = number(binary.BigEndian.Uint64(data[13:]))
	data = data[21:]
	for _, counts := range []*[ledgerBins]float32{&l.held, &l.rest} {
		for i := range counts {
			counts[i] = float32(number(math.Float64bits(float64(math.Float32frombits(binary.BigEndian.Uint32(data))))))
			data = data[4:]
		}
	}
	for ; len(data) >= each; data = data[each:] {
		l.today = append(l.today, alert{binary.BigEndian.Uint64(data), math.Float32frombits(binary.BigEndian.Uint32(data[8:]))})
	}
	return nil
}

// number reads a count; what is none is 0.
func number(bits uint64) float64 {
	if v := math.Float64frombits(bits); v >= 0 && v < 1e15 {
		return v
	}
	return 0
}
