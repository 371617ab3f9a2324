package markup

import (
	"fmt"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
)

// each calls f for every dark module.
func each(rows [][]bool, f func(x, y int) string) string {
	var b strings.Builder
	for y, r := range rows {
		for x, dark := range r {
			if dark {
				b.WriteString(f(x, y))
			}
		}
	}
	return b.String()
}

// runs calls f for every run of dark modules in a row.
func runs(rows [][]bool, f func(x, y, n int) string) string {
	var b strings.Builder
	for y, r := range rows {
		for x := 0; x < len(r); x++ {
			n := 0
			for x+n < len(r) && r[x+n] {
				n++
			}
			if n > 0 {
				b.WriteString(f(x, y, n))
				x += n
			}
		}
	}
	return b.String()
}

// Codes drawn by the shapes of SVG are read, in a picture and in a page.
func TestVector(t *testing.T) {
	const link = "https://vector.example/a?b=1"
	rows := modules(t, link)
	n := len(rows)
	rect := func(x, y int) string { return fmt.Sprintf(`<rect x="%d" y="%d" width="1" height="1"/>`, x, y) }
	box := fmt.Sprintf(`viewBox="-4 -4 %d %d"`, n+8, n+8)
	frame := func(inner string) string { return "<g>" + inner + "</g>" }
	for _, tt := range []struct{ name, open, shapes string }{
		{"rectangles", box, `<rect width="100%" height="100%" fill="#fff"/>` + each(rows, rect)},
		{"rectangles in a turned group", box, `<g transform="rotate(17) scale(2.5)" style="fill:#123">` + each(rows, rect) + `</g>`},
		{"one path", box, `<path d="` + runs(rows, func(x, y, n int) string { return fmt.Sprintf("M%d,%dh%dv1h-%dz", x, y, n, n) }) + `"/>`},
		{"one path, each relative to the one before", box, `<path d="m0 0` + relative(rows) + `"/>`},
		{"lines", box, `<path stroke="#000" fill="none" class="qr" d="` + runs(rows, func(x, y, n int) string { return fmt.Sprintf("M%d %d.5h%d", x, y, n) }) + `"/>`},
		{"references", box, `<defs><rect id="p" width="1" height="1"/></defs>` + each(rows, func(x, y int) string { return fmt.Sprintf(`<use x="%d" y="%d" xlink:href="#p"/>`, x, y) })},
		{"dots", box, each(rows, func(x, y int) string { return fmt.Sprintf(`<circle cx="%d.5" cy="%d.5" r=".7"/>`, x, y) })},
		{"light on dark", box, fmt.Sprintf(`<rect x="-4" y="-4" width="%d" height="%d"/><g fill="white">`, n+8, n+8) + each(rows, rect) + `</g>`},
		{"beside hidden shapes", box, `<defs/><symbol><path d="M0 0h99v99z"/></symbol>` + each(rows, rect)},
	} {
		for _, page := range []struct{ file, typ, text string }{
			{"a.svg", "svg", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` + tt.open + `>` + frame(tt.shapes) + `</svg>`},
			{"a.html", "html", `<html><body><p>Scan this</p><svg ` + tt.open + `>` + tt.shapes + `</svg></body></html>`},
		} {
			res, err := Parser{}.Open(t.Context(), input(page.file, page.typ, page.text))
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, f := range res.Findings {
				found = found || f.ID == "file.qr-drawn" && f.Quote == link
			}
			if !found {
				t.Errorf("%s in %s: not read; findings %v", tt.name, page.file, res.Findings)
			}
		}
	}
}

// relative writes modules as outlines that begin where the one before did.
func relative(rows [][]bool) string {
	var b strings.Builder
	px, py := 0, 0
	each(rows, func(x, y int) string {
		fmt.Fprintf(&b, "m%d %dh1v1h-1z", x-px, y-py)
		px, py = x, y
		return ""
	})
	return b.String()
}

func TestMayDrawVector(t *testing.T) {
	for text, want := range map[string]bool{
		`<svg><path d="M0 0h9"/></svg>`:                                false,
		`<svg>` + strings.Repeat(`<rect/>`, 60) + `</svg>`:             true,
		`<svg><path d="` + strings.Repeat("h1", 300) + `"/></svg>`:     true,
		`<p>` + strings.Repeat("<path", 100):                           false,
		`<svg><a d="x"/><path d="` + strings.Repeat("M0 0z", 200):      false, // without its end nobody draws it
		`<svg><path d="x"/><path d="` + strings.Repeat("z", 601) + `"`: true,
	} {
		if got := mayDrawVector(text); got != want {
			t.Errorf("%.40q: %v", text, got)
		}
	}
}

// What is drawn to take long ends soon.
func TestVectorHostile(t *testing.T) {
	for name, shapes := range map[string]string{
		"huge numbers":    strings.Repeat(`<rect x="1e308" y="-1e308" width="1e308" height="1e-300"/>`, 100),
		"no numbers":      strings.Repeat(`<rect x="NaN" y="Inf" width="e" height="--1"/>`, 100),
		"endless paths":   `<path d="` + strings.Repeat("M0 0L1 1e9L1e9 0z", 100_000) + `"/>`,
		"many groups":     strings.Repeat(`<g transform="scale(1e300)">`, 10_000) + strings.Repeat(`<rect width="1" height="1"/>`, 100),
		"many references": `<path id="a" d="` + strings.Repeat("m1 1h1v1z", 50_000) + `"/>` + strings.Repeat(`<use href="#a"/>`, 50_000),
		"steps":           `<path d="` + strings.Repeat("M0 0V9H9V0z", 50_000) + `"/>`,
	} {
		res, err := Parser{}.Open(t.Context(), input("a.svg", "svg", `<svg>`+shapes+`</svg>`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		sample.Check(t, res)
	}
}
