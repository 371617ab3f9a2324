package htmltext

import (
	"strings"
	"testing"
)

// Style sheets cost at most maxRuleSteps, whatever the number of rules times
// the number of elements, and the bound is reported. Work is counted, not time.
func TestStyleWork(t *testing.T) {
	const rules, elems = 5000, 100_000
	css := func(rule string, n int) string { return "<style>" + strings.Repeat(rule, n) + "</style>" }
	body := strings.Repeat("<p class='a b'>x</p>", elems)
	for _, c := range []struct {
		name, in string
		full     bool
	}{
		{"universal rules are one", css("*{color:red}", rules) + body, false},
		{"rules of other elements are not tried", css("q{color:red}.c{color:red}#d{color:red}", rules/4) + body, false},
		{"tag", css("p{color:red}", rules) + body, true},
		{"class", css(".a{color:red}", rules) + body, true},
		{"ancestor", css("b i p{color:red}", rules) + strings.Repeat("<i>", 200) + body, true},
		{"any below", css("b *{color:red}", rules) + body, true},
		{"media", css("p{display:none}@media (x){p{display:block}}", rules) + body, true},
		{"one long class attribute", css(".a{color:red}", rules) + "<p class='" + strings.Repeat("a ", elems) + "'>x", true},
		{"conditional comments", strings.Repeat("<!--[if mso]>"+css("p{color:red}", 500)+strings.Repeat("<p>x", 500)+"<![endif]-->", 50), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var res Result
			r := newRenderer(c.in, Options{MaxReferences: 1}, &res)
			r.run()
			if r.budget.steps > maxRuleSteps || r.budget.rules > maxRules || len(r.matched) > maxRules {
				t.Errorf("%d steps, %d rules, %d candidates at once", r.budget.steps, r.budget.rules, len(r.matched))
			}
			if got := strings.Contains(strings.Join(res.Truncated, " "), "rules"); got != c.full {
				t.Errorf("bound met: %v, want %v; %d steps", got, c.full, r.budget.steps)
			}
		})
	}
}

// Rules for all elements are merged in order and stay the weakest.
func TestUniversalRules(t *testing.T) {
	for _, c := range []struct{ css, want string }{
		{"*{display:none}*{display:block}", "x"},
		{"*{display:block}*{display:none}", ""},
		{"p{display:block}*{display:none}html,body{display:block}", "x"},
		{"*{display:none!important}*{display:block}p{display:block}", ""},
		{"b *{display:none}*{display:block}", "x"},
		{"body *{display:none}*{display:block}", ""},
	} {
		if r := Render("<style>"+c.css+"</style><body><p>x", Options{}); r.Display != c.want {
			t.Errorf("%s: %q, want %q", c.css, r.Display, c.want)
		}
	}
}
