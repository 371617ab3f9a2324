package policy

import (
	"fmt"
	"math"
	"strings"

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
