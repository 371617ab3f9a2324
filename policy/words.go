package policy

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/evidence"
	"foregate/mail"
)

// Odds says log10 odds as people do: "40 to 1 for an attack", "1,000 to 1
// against".
func Odds(w evidence.Weight) string {
	if math.Abs(float64(w)) < 0.05 {
		return "even"
	}
	side := "for"
	if w < 0 {
		side = "against"
	}
	return fmt.Sprintf("%s to 1 %s", thousands(math.Pow(10, math.Abs(float64(w)))), side)
}

// thousands writes x with two significant digits and commas, 1.3, 25, 12,000;
// everything beyond a million is "over 1,000,000".
func thousands(x float64) string {
	if x < 9.95 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	}
	if x >= 1e6 {
		return "over 1,000,000"
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	n := int64(math.Round(x/unit) * unit)
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// Summary says the verdict in one sentence.
func Summary(v mail.Verdict) string {
	var why []string
	for _, r := range v.Reasons {
		if r.Weight > 0 && len(why) < 3 {
			why = append(why, strings.TrimSuffix(r.Claim, "."))
		}
	}
	s := fmt.Sprintf("%s: %s", v.Disposition, Odds(v.LogOdds))
	if len(why) > 0 {
		s += " because " + strings.Join(why, "; ")
	}
	return s + "."
}

// Sentences explains a verdict to a recipient in three sentences: what was done
// and how sure it is, what speaks most for that, and what to do or what else
// there is to know. The items with their weights are for the analyst.
func Sentences(v mail.Verdict) []string {
	speaks, against := reasons(v, 1), reasons(v, -1)
	out := []string{opening(v)}
	switch {
	case len(speaks) > 0:
		out = append(out, "What speaks most for an attack: "+speaks[0])
	default:
		out = append(out, "Nothing in it speaks for an attack.")
	}
	switch {
	case v.Finding != "" && v.Disposition == mail.Hold:
		out = append(out, "If you expect it, ask the sender by another way than mail, and your administrator to release it.")
	case v.Disposition == mail.Hold || v.Disposition == mail.Reject || v.Disposition == mail.Flag:
		if len(speaks) > 1 {
			out = append(out, "Besides: "+speaks[1])
		} else {
			out = append(out, "Do not sign in, pay or open a file because of it before you have asked the sender in another way.")
		}
	case len(against) > 0:
		out = append(out, "What speaks most against one: "+against[0])
	case len(speaks) > 0:
		out = append(out, "Nothing is known that speaks against one.")
	default:
		out = append(out, "Nothing is known that speaks against one either.")
	}
	return out
}

// opening says what was done and how sure it is.
func opening(v mail.Verdict) string {
	odds := Odds(v.LogOdds)
	likely := "may be an attack"
	switch {
	case v.LogOdds >= 2:
		likely = "is almost certainly an attack"
	case v.LogOdds >= 1:
		likely = "is very likely an attack"
	case v.LogOdds >= 0.05:
		likely = "is more likely an attack than not"
	case v.LogOdds < -1:
		likely = "is very likely no attack"
	case v.LogOdds < -0.05:
		likely = "is more likely no attack than one"
	}
	if v.Finding != "" {
		return because(v)
	}
	switch v.Disposition {
	case mail.Hold:
		return fmt.Sprintf("This message is held: it %s (odds %s).", likely, odds)
	case mail.Reject:
		return fmt.Sprintf("This message is refused: it %s (odds %s).", likely, odds)
	case mail.Flag:
		return fmt.Sprintf("This message is delivered with a warning: it %s (odds %s).", likely, odds)
	case mail.Defer:
		return "This message could not be judged yet; its sender will try again."
	}
	return fmt.Sprintf("This message is delivered: it %s (odds %s).", likely, odds)
}

// because says that policy decided, not the odds.
func because(v mail.Verdict) string {
	done := map[mail.Disposition]string{mail.Flag: "delivered with a warning", mail.Hold: "held", mail.Reject: "refused"}[v.Disposition]
	claim := v.Finding
	for _, r := range v.Reasons {
		if r.ID == v.Finding && r.Claim != "" {
			claim = strings.TrimSuffix(r.Claim, ".")
			break
		}
	}
	return fmt.Sprintf("This message is %s whatever the odds (%s), as the organisation decided for what it carries: %s.", done, Odds(v.LogOdds), claim)
}

// leastTold is the weight below which a claim is not worth a recipient's time.
const leastTold = 0.1

// reasons are the claims that speak for (sign 1) or against (−1) an attack,
// strongest first, as sentences: one of each lineage, and of those without one
// family of evidence each, because two things said about one cause tell a
// recipient nothing new.
func reasons(v mail.Verdict, sign float64) []string {
	var out []string
	told := map[string]bool{}
	for _, r := range v.Reasons {
		cause := r.Lineage
		if cause == "" {
			cause, _, _ = strings.Cut(r.ID, ".")
		}
		if sign*float64(r.Weight) < leastTold || told[cause] || r.Claim == "" {
			continue
		}
		told[cause] = true
		claim := strings.TrimSpace(r.Claim)
		if !strings.ContainsAny(claim[len(claim)-1:], ".!?") {
			claim += "."
		}
		first, size := utf8.DecodeRuneInString(claim)
		out = append(out, string(unicode.ToUpper(first))+claim[size:])
	}
	return out
}
