package casebook

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"foregate/intel/attrib"
)

// page is one file: no script, nothing loaded from elsewhere.
const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.C.Title}}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top}svg{max-width:100%}.tlp{background:#000;color:#fff;padding:0 .5rem}.for{background:#dfd}.against{background:#fdd}</style></head>
<body><p class="tlp">TLP:{{.Label}}</p><h1>{{.C.Title}}</h1><p>{{.C.Question}} As judged on {{.C.At}}{{with .C.Author}} by {{.}}{{end}}.</p><p><strong>Answer:</strong> {{.R.Why}}.</p>
<h2>Hypotheses</h2><table><tr><th>hypothesis</th><th>prior</th><th>why this prior</th><th>posterior</th><th>the leader is likelier by</th><th>ICD 203</th><th>PHIA</th></tr>
{{range .R.Standings}}<tr><td>{{.Name}}</td><td>{{pct .Prior}}</td><td>{{.Basis}}</td><td>{{pct .Probability}}</td><td>{{behind $.R .}}</td><td>{{.Words}}</td><td>{{.PHIA}}</td></tr>
{{end}}</table><p>With equal priors: {{.R.Even}}.</p>
<h2>Who is said to be tied to whom</h2>{{.Graph}}
<h2>Competing hypotheses</h2><p>Weights in bans (1 is ten times likelier), after discounts; what separates most stands first.</p><table><tr><th>item</th>{{range .C.Hypotheses}}<th title="{{.Name}}">{{.ID}}</th>{{end}}<th>separates</th></tr>
{{range .R.Matrix}}{{$row := .}}<tr><td title="{{.Claim}}">{{.Item}}</td>{{range $.C.Hypotheses}}<td class="{{class $row .ID}}">{{index $row.Cells .ID}} {{weight $.C $row .ID}}</td>{{end}}<td>{{printf "%.2f" .Spread}}</td></tr>
{{end}}</table>
<h2>What taking one item away does</h2><table><tr><th>without</th><th>the leader's probability</th><th>leads then</th><th>changes the answer</th></tr>
{{range .R.Drops}}<tr><td>{{.Item}}</td><td>{{pct .Probability}}</td><td>{{.Leader}}</td><td>{{yes .Changes}}</td></tr>
{{end}}</table><p>{{sensitivity .R}}</p>
<h2>Timeline</h2>{{.Line}}<table><tr><th>when</th><th>what</th><th>source</th><th>confidence</th></tr>{{range .Timeline}}<tr><td>{{.At}}</td><td>{{.Claim}}</td><td>{{.Source}}</td><td>{{.Confidence}}</td></tr>
{{end}}</table>
<h2>Facts</h2>{{range .C.Facts}}<h3>{{.ID}}</h3><p>{{.Claim}}</p><p>{{provenance $.C .}}</p><p>{{.Reasoning}}</p>
{{end}}
{{with .C.Comparison}}<h2>Known actors by techniques and software</h2><p>{{sentence .}}</p><table><tr><th>actor</th><th>probability</th><th>techniques</th><th>software</th></tr>
{{range .Actors}}<tr><td>{{.Name}}</td><td>{{pct .Probability}}</td><td>{{printf "%+.2f" .Techniques}}</td><td>{{printf "%+.2f" .Software}}</td></tr>
{{end}}</table>{{with .Places}}<p>Similarity is no evidence, and depends on the measure:</p><table><tr><th>actor</th><th>measure</th><th>place</th></tr>{{range .}}<tr><td>{{.Actor}}</td><td>{{.Measure}}</td><td>{{.Place}} of {{.Among}}</td></tr>
{{end}}</table>{{end}}{{end}}
{{range .Tables}}{{if .List}}<h2>{{.Title}}</h2><table><tr><th>subject</th><th>relation</th><th>object</th><th>source</th><th>confidence</th><th>note</th><th>TLP</th></tr>{{range .List}}<tr><td>{{defang .Subject}}</td><td>{{.Relation}}</td><td>{{defang .Object}}</td><td>{{.Source}}{{with .Origin}}, who has it from {{.}}{{end}}</td><td>{{.Confidence}}</td><td>{{.Note}}</td><td>{{label $.C .}}</td></tr>
{{end}}</table>{{end}}{{end}}
{{if .C.WouldChange}}<h2>What evidence would change it</h2><ul>{{range .C.WouldChange}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{if .C.Afterwards}}<h2>Afterwards</h2><p>{{.C.Afterwards}}</p>{{end}}
</body></html>
`

// table is a list of relations with a title.
type table struct {
	Title string
	List  []Relation
}

// HTML writes the report as one page that needs nothing else.
func (c *Case) HTML(w io.Writer, r *attrib.Result) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"pct":         func(p float64) string { return fmt.Sprintf("%.0f %%", 100*p) },
		"defang":      defang,
		"behind":      behind,
		"yes":         yes,
		"sensitivity": sensitivity,
		"provenance":  (*Case).provenance,
		"sentence":    (*Comparison).sentence,
		"label":       (*Case).label,
		"weight": func(c *Case, row attrib.Row, h string) string {
			return fmt.Sprintf("%+.2f", c.fact(row.Item).Weight(h, c.Hypotheses)+0)
		},
		"class": func(row attrib.Row, h string) string {
			switch mark := row.Cells[h]; {
			case strings.HasPrefix(mark, "+"):
				return "for"
			case mark != "0":
				return "against"
			}
			return ""
		},
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	indicators, others := c.Indicators()
	return t.Execute(w, map[string]any{
		"C": c, "R": r, "Timeline": c.timeline(), "Label": strings.ToUpper(string(c.Label())), "Graph": c.svg(), "Line": c.line(),
		"Tables": []table{{"Indicators", indicators}, {"What is said of whom", others}},
	})
}

// line draws the dated facts along a line of time.
func (c *Case) line() template.HTML {
	type mark struct {
		at time.Time
		id string
	}
	var marks []mark
	for _, f := range c.timeline() {
		if t, err := when(f.At); err == nil {
			marks = append(marks, mark{t, f.ID})
		}
	}
	if len(marks) == 0 {
		return ""
	}
	const width, margin, row = 900, 20, 18
	first, last := marks[0].at, marks[0].at
	for _, m := range marks {
		if m.at.Before(first) {
			first = m.at
		}
		if m.at.After(last) {
			last = m.at
		}
	}
	span := max(last.Sub(first), 24*time.Hour)
	height := row*(len(marks)+1) + 20
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="timeline"><line x1="%d" y1="12" x2="%d" y2="12" stroke="#888"/>`, width, height, margin, width-margin)
	esc := template.HTMLEscapeString
	for i, m := range marks {
		x := margin + float64(width-2*margin)*float64(m.at.Sub(first))/float64(span)
		anchor, dx := "start", 4.0
		if x > width/2 {
			anchor, dx = "end", -4
		}
		y := row*(i+1) + 20
		fmt.Fprintf(&b, `<line x1="%.0f" y1="12" x2="%.0f" y2="%d" stroke="#ccc"/><circle cx="%.0f" cy="12" r="4" fill="#246"/><text x="%.0f" y="%d" font-size="12" text-anchor="%s">%s %s</text>`,
			x, x, y, x, x+dx, y, anchor, esc(m.at.Format("2006-01")), esc(m.id))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text in it is escaped above
}

// svg draws the relations with their nodes on a circle.
func (c *Case) svg() template.HTML {
	var nodes []string
	for _, r := range c.Relations {
		for _, n := range []string{r.Subject, r.Object} {
			if !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	if len(nodes) == 0 {
		return "<p>No relations.</p>"
	}
	const width, height = 900, 480
	at := func(n string) (x, y float64) {
		a := 2 * math.Pi * float64(slices.Index(nodes, n)) / float64(len(nodes))
		return width/2 + 300*math.Cos(a), height/2 + 190*math.Sin(a)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="relations of the case">`, width, height)
	esc := template.HTMLEscapeString
	for _, r := range c.Relations {
		x1, y1 := at(r.Subject)
		x2, y2 := at(r.Object)
		fmt.Fprintf(&b, `<line x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f" stroke="#888"/><text x="%.0f" y="%.0f" font-size="11" fill="#666" text-anchor="middle">%s (%s)</text>`,
			x1, y1, x2, y2, (x1+x2)/2, (y1+y2)/2, esc(r.Relation), esc(r.Confidence))
	}
	for _, n := range nodes {
		x, y := at(n)
		fmt.Fprintf(&b, `<circle cx="%.0f" cy="%.0f" r="6" fill="#246"/><text x="%.0f" y="%.0f" font-size="13" text-anchor="middle">%s</text>`, x, y, x, y-10, esc(defang(n)))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text in it is escaped above
}
