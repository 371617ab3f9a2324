package casebook

import (
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"foregate/intel"
	"foregate/intel/attrib"
	"foregate/intel/stix"
)

// Markdown writes the report for people who read text. Output is the same for
// the same case.
func (c *Case) Markdown(w io.Writer, r *attrib.Result) error {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("# %s\n\nTLP:%s. As judged on %s. %s\n\n", c.Title, strings.ToUpper(string(c.Label())), c.At, c.Question)
	p("**Answer:** %s.\n\n## Hypotheses\n\n| hypothesis | prior | posterior | ICD 203 | PHIA |\n|---|---|---|---|---|\n", r.Why)
	for _, s := range r.Standings {
		p("| %s | %.0f %% | %.0f %% | %s | %s |\n", cell(s.Name), 100*s.Prior, 100*s.Probability, s.Words, s.PHIA)
	}
	p("\nThe priors and why:\n\n")
	for _, h := range c.Hypotheses {
		p("- %s: %.0f %%, %s.\n", h.Name, 100*h.Prior, h.Basis)
	}
	p("\n## What would change the answer when taken away\n\n| without | the leader's probability | leads then | changes the answer |\n|---|---|---|---|\n")
	for _, d := range r.Drops {
		p("| %s | %.0f %% | %s | %s |\n", d.Item, 100*d.Probability, d.Leader, yes(d.Changes))
	}
	p("\n## Competing hypotheses\n\nThe weight of each item for each hypothesis in bans (1 is ten times likelier), after discounts; what separates most stands first.\n\n| item |")
	for _, h := range c.Hypotheses {
		p(" %s |", h.ID)
	}
	p(" separates |\n|---|%s\n", strings.Repeat("---|", len(c.Hypotheses)+1))
	for _, row := range r.Matrix {
		it := c.fact(row.Item)
		p("| %s |", row.Item)
		for _, h := range c.Hypotheses {
			p(" %s %+.2f |", row.Cells[h.ID], it.Weight(h.ID, c.Hypotheses)+0)
		}
		p(" %.2f |\n", row.Spread)
	}
	p("\n## Facts\n\n")
	for _, f := range c.Facts {
		share, why := f.Kept()
		p("### %s\n\n%s\n\nSource: %s%s, %s. Keeps %.0f %% of its weight: %s.", f.ID, f.Claim, f.Source, origin(f), f.Confidence, 100*share, strings.Join(why, "; "))
		if f.Rate != nil {
			p(" Base rate: %d of %d, %s.", f.Rate.Seen, f.Rate.Of, f.Rate.Basis)
		}
		p("\n\n%s\n\n", f.Reasoning)
	}
	p("## Timeline\n\n")
	for _, f := range c.timeline() {
		p("- %s: %s\n", f.At, f.Claim)
	}
	c.relations(p)
	if len(c.WouldChange) > 0 {
		p("\n## What evidence would change it\n\n")
		for _, s := range c.WouldChange {
			p("- %s\n", s)
		}
	}
	if c.Afterwards != "" {
		p("\n## Afterwards\n\n%s\n", c.Afterwards)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Case) relations(p func(string, ...any)) {
	if len(c.Relations) == 0 {
		return
	}
	p("\n## What is said of whom\n\n| subject | relation | object | source | confidence | note | TLP |\n|---|---|---|---|---|---|---|\n")
	for _, r := range c.Relations {
		p("| %s | %s | %s | %s%s | %s | %s | %s |\n", cell(defang(r.Subject)), r.Relation, cell(defang(r.Object)), cell(r.Source), cell(origin(attrib.Item{Origin: r.Origin})), r.Confidence, cell(r.Note), c.Label())
	}
}

// defang keeps indicators in reports from being clicked.
func defang(s string) string {
	kind, value, ok := strings.Cut(s, " ")
	if ok && intel.ParseKind(kind).IsObservable() {
		return kind + " " + strings.ReplaceAll(strings.Replace(value, "http", "hxxp", 1), ".", "[.]")
	}
	return s
}

func (c *Case) fact(id string) attrib.Item {
	i := slices.IndexFunc(c.Facts, func(f attrib.Item) bool { return f.ID == id })
	if i < 0 {
		return attrib.Item{}
	}
	return c.Facts[i]
}

func origin(f attrib.Item) string {
	if f.Origin == "" {
		return ""
	}
	return ", who has it from " + f.Origin
}

func cell(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ") }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// page is one file: no script, nothing loaded from elsewhere.
const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.C.Title}}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse}td,th{border:1px solid #999;padding:.25rem .5rem;text-align:left;vertical-align:top}svg{max-width:100%}.tlp{background:#000;color:#fff;padding:0 .5rem}</style></head>
<body><p class="tlp">TLP:{{.Label}}</p><h1>{{.C.Title}}</h1><p>{{.C.Question}} As judged on {{.C.At}}.</p><p><strong>Answer:</strong> {{.R.Why}}.</p>
<h2>Hypotheses</h2><table><tr><th>hypothesis</th><th>prior</th><th>posterior</th><th>ICD 203</th><th>PHIA</th></tr>
{{range .R.Standings}}<tr><td>{{.Name}}</td><td>{{pct .Prior}}</td><td>{{pct .Probability}}</td><td>{{.Words}}</td><td>{{.PHIA}}</td></tr>
{{end}}</table>
<h2>Who is said to be tied to whom</h2>{{.Graph}}
<h2>Competing hypotheses</h2><table><tr><th>item</th>{{range .C.Hypotheses}}<th>{{.ID}}</th>{{end}}<th>separates</th></tr>
{{range .R.Matrix}}{{$row := .}}<tr><td title="{{.Claim}}">{{.Item}}</td>{{range $.C.Hypotheses}}<td>{{index $row.Cells .ID}}</td>{{end}}<td>{{printf "%.2f" .Spread}}</td></tr>
{{end}}</table>
<h2>What taking one item away does</h2><table><tr><th>without</th><th>the leader's probability</th><th>leads then</th></tr>
{{range .R.Drops}}<tr><td>{{.Item}}</td><td>{{pct .Probability}}</td><td>{{.Leader}}</td></tr>
{{end}}</table>
<h2>Timeline</h2><table>{{range .Timeline}}<tr><td>{{.At}}</td><td>{{.Claim}}</td><td>{{.Source}}</td><td>{{.Confidence}}</td></tr>
{{end}}</table>
<h2>Indicators and relations</h2><table><tr><th>subject</th><th>relation</th><th>object</th><th>source</th><th>confidence</th><th>TLP</th></tr>{{range .C.Relations}}<tr><td>{{defang .Subject}}</td><td>{{.Relation}}</td><td>{{defang .Object}}</td><td>{{.Source}}</td><td>{{.Confidence}}</td><td>{{$.Label}}</td></tr>
{{end}}</table>
{{if .C.WouldChange}}<h2>What evidence would change it</h2><ul>{{range .C.WouldChange}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{if .C.Afterwards}}<h2>Afterwards</h2><p>{{.C.Afterwards}}</p>{{end}}
</body></html>
`

// HTML writes the report as one page that needs nothing else.
func (c *Case) HTML(w io.Writer, r *attrib.Result) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"pct":    func(p float64) string { return fmt.Sprintf("%.0f %%", 100*p) },
		"defang": defang,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return t.Execute(w, map[string]any{
		"C": c, "R": r, "Timeline": c.timeline(), "Label": strings.ToUpper(string(c.Label())), "Graph": c.svg(),
	})
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

// opinions of STIX 2.1 section 4.13 for a probability.
func opinion(p float64) string {
	switch {
	case p < 0.05:
		return "strongly-disagree"
	case p < 0.3:
		return "disagree"
	case p <= 0.6:
		return "neutral"
	case p <= 0.95:
		return "agree"
	}
	return "strongly-agree"
}

// STIX writes the case as a bundle: a grouping of its objects, a note per
// hypothesis with an opinion on it, and the relations.
func (c *Case) STIX(w io.Writer, r *attrib.Result) error {
	day, err := c.Day()
	if err != nil {
		return err
	}
	b := &stix.Builder{At: day, Author: orDefault(c.Author)}
	as, err := c.Assertions()
	if err != nil {
		return err
	}
	for _, a := range as {
		if err := b.Add(a); err != nil {
			return fmt.Errorf("writing the case: %w", err)
		}
	}
	var refs []string
	for _, o := range b.Objects() {
		if t := o["type"]; t != "marking-definition" {
			refs = append(refs, o["id"].(string))
		}
	}
	marks := []string{b.Marking(c.Label())}
	about := refs
	if len(about) == 0 {
		id, err := b.Node(intel.Node{Kind: intel.Campaign, Value: c.Title})
		if err != nil {
			return err
		}
		about = []string{id}
		refs = append(refs, id)
	}
	for _, s := range r.Standings {
		var why strings.Builder
		fmt.Fprintf(&why, "Prior %.2f (%s), posterior %.3f: %s.", s.Prior, s.Basis, s.Probability, s.Words)
		for _, it := range s.Reasons {
			fmt.Fprintf(&why, "\n%+.2f %s: %s", it.Weight, it.ID, it.Claim)
		}
		note := b.Put(map[string]any{
			"type": "note", "id": intel.ObjectID("note", c.Title, s.ID), "abstract": "Hypothesis: " + s.Name,
			"content": why.String(), "object_refs": about, "object_marking_refs": marks,
		})
		op := b.Put(map[string]any{
			"type": "opinion", "id": intel.ObjectID("opinion", c.Title, s.ID), "opinion": opinion(s.Probability),
			"explanation": fmt.Sprintf("%s: probability %.3f (%s; PHIA: %s)", s.Name, s.Probability, s.Words, s.PHIA),
			"object_refs": []string{note}, "object_marking_refs": marks,
		})
		refs = append(refs, note, op)
	}
	b.Put(map[string]any{
		"type": "grouping", "id": intel.ObjectID("grouping", c.Title), "name": c.Title, "description": c.Question + " " + r.Why + ".",
		"context": "suspicious-activity", "object_refs": refs, "object_marking_refs": marks,
	})
	_, err = b.WriteTo(w)
	return err
}

func orDefault(author string) string {
	if author == "" {
		return "Foregate"
	}
	return author
}
