package markup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// modules are those of a QR code for text.
func modules(t *testing.T, text string) [][]bool {
	t.Helper()
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 0, 0, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 1})
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]bool, m.GetHeight())
	for y := range rows {
		for x := range m.GetWidth() {
			rows[y] = append(rows[y], m.Get(x, y))
		}
	}
	return rows
}

func turned(rows [][]bool) [][]bool {
	out := make([][]bool, len(rows[0]))
	for x := range out {
		for y := len(rows) - 1; y >= 0; y-- {
			out[x] = append(out[x], rows[y][x])
		}
	}
	return out
}

func inverted(rows [][]bool) [][]bool {
	out := make([][]bool, len(rows))
	for y := range rows {
		for _, v := range rows[y] {
			out[y] = append(out[y], !v)
		}
	}
	return out
}

func cells(rows [][]bool, dark, light string) string {
	var b strings.Builder
	b.WriteString("<table cellspacing=0>")
	for _, r := range rows {
		b.WriteString("<tr>")
		for _, v := range r {
			if v {
				b.WriteString("<td " + dark + "></td>")
			} else {
				b.WriteString("<td " + light + "></td>")
			}
		}
		b.WriteString("</tr>")
	}
	return b.String() + "</table>"
}

// spans writes equal neighbours as one cell.
func spans(rows [][]bool) string {
	var b strings.Builder
	b.WriteString("<table><tr><td>Scan this:</td></tr><tr><td><table>")
	for _, r := range rows {
		b.WriteString("<tr>")
		for x := 0; x < len(r); {
			n := 1
			for x+n < len(r) && r[x+n] == r[x] {
				n++
			}
			colour := "#FFF"
			if r[x] {
				colour = "rgb(10, 20, 60)"
			}
			fmt.Fprintf(&b, `<td colspan="%d" style="width:4px; background-color: %s">&nbsp;</td>`, n, colour)
			x += n
		}
		b.WriteString("</tr>")
	}
	return b.String() + "</table></td></tr></table>"
}

func text(rows [][]bool, dark, light, end string) string {
	var b strings.Builder
	for _, r := range rows {
		for _, v := range r {
			if v {
				b.WriteString(dark)
			} else {
				b.WriteString(light)
			}
		}
		b.WriteString(end)
	}
	return b.String()
}

func halves(rows [][]bool, end string) string {
	var b strings.Builder
	for y := 0; y < len(rows); y += 2 {
		for x := range rows[y] {
			lower := y+1 < len(rows) && rows[y+1][x]
			switch {
			case rows[y][x] && lower:
				b.WriteString("█")
			case rows[y][x]:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString(end)
	}
	return b.String()
}

// Codes drawn without a picture are read.
func TestDrawn(t *testing.T) {
	const link = "https://drawn.example/a?b=1"
	rows := modules(t, link)
	for _, tt := range []struct{ name, page string }{
		{"table by bgcolor", cells(rows, `bgcolor="#000000"`, `bgcolor="#ffffff"`)},
		{"table by style", cells(rows, `style="background:black;width:4px"`, ``)},
		{"table with spans in a table", spans(rows)},
		{"table, turned", cells(turned(rows), `bgcolor=black`, ``)},
		{"table, light on dark", cells(inverted(rows), `bgcolor=black`, `bgcolor=white`)},
		{"half blocks in pre", "<pre>" + halves(rows, "\n") + "</pre>"},
		{"half blocks with br", "<p>Scan:</p><div>" + strings.ReplaceAll(halves(rows, "<br>\r\n"), " ", "&nbsp;") + "</div>"},
		{"half blocks, light on dark", "<pre>" + halves(inverted(rows), "\n") + "</pre>"},
		{"full blocks, two wide", "<pre>" + text(rows, "██", "  ", "\n") + "</pre>"},
		{"full blocks, one wide", "<pre>" + text(rows, "█", " ", "\n") + "</pre>"},
		{"entities", "<pre>" + text(rows, "&#9608;&#9608;", "&nbsp;&nbsp;", "<br>") + "</pre>"},
		{"squares", "<p>" + text(rows, "⬛", "⬜", "<br>") + "</p>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := Parser{}.Open(t.Context(), input("a.html", "html", "<html><body>"+tt.page+"</body></html>"))
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range res.URLs {
				if u == link {
					return
				}
			}
			t.Errorf("not read; links %q, findings %v", res.URLs, res.Findings)
		})
	}
}

func TestMayDraw(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"<p>Hello</p>", false},
		{"<table>" + strings.Repeat("<tr><td>a</td></tr>", 30) + "</table>", false},
		{strings.Repeat("<td>", 441), true},
		{strings.Repeat("█▀ ▄", 50), true},
	} {
		if got := MayDraw(tt.text); got != tt.want {
			t.Errorf("%.40q: %v", tt.text, got)
		}
	}
}
