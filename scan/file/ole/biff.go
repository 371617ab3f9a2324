package ole

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Record types of the Excel binary format, [MS-XLS] section 2.3.2.
const (
	recFormula  = 0x0006
	recName     = 0x0018
	recFilePass = 0x002F
	recSheet    = 0x0085
	recSupBook  = 0x01AE
)

// Bounds of one workbook.
const (
	maxRecords  = 1 << 20 // records walked: a full sheet of 65,536 rows has about as many
	maxFormulas = 20000   // formulas of a file read for macro functions
	maxWorkbook = 64 << 20
)

// workbook is what a BIFF stream says that matters here.
type workbook struct {
	Encrypted  bool
	MacroSheet []string
	Hidden     []string // worksheets that nobody sees
	VeryHidden []string // worksheets that the menu does not even list
	HiddenXLM  []string
	AutoNames  []string // defined names that run a macro sheet
	DDE        []string
	Calls      []string // functions that reach outside
	Strings    []string // string literals of formulas
	Cut        bool
}

// readWorkbook walks the records of a workbook stream. Sizes are 16 bits, so
// every step ends; a record that leaves the stream ends the walk.
func readWorkbook(ctx context.Context, b []byte) workbook {
	var w workbook
	formulas := 0
	for n := 0; len(b) >= 4 && n < maxRecords; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			w.Cut = true
			return w
		}
		id, size := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if size > len(b)-4 {
			w.Cut = true
			return w
		}
		rec := b[4 : 4+size]
		b = b[4+size:]
		switch id {
		case recFilePass:
			w.Encrypted = true
		case recSheet:
			w.sheet(rec)
		case recName:
			w.name(rec)
		case recSupBook:
			w.supBook(rec)
		case recFormula:
			if formulas++; len(rec) >= 22 && formulas <= maxFormulas && !w.Encrypted {
				size := int(binary.LittleEndian.Uint16(rec[20:]))
				w.tokens(rec[22:min(22+size, len(rec))])
			}
		}
	}
	return w
}

// sheet reads a BoundSheet8, section 2.4.28.
func (w *workbook) sheet(rec []byte) {
	if len(rec) < 8 || w.Encrypted {
		return
	}
	name := shortString(rec[6:])
	state, kind := rec[4]&3, rec[5]
	if kind == 1 {
		w.MacroSheet = append(w.MacroSheet, name)
		if state != 0 {
			w.HiddenXLM = append(w.HiddenXLM, name)
		}
		return
	}
	switch state {
	case 1:
		w.Hidden = append(w.Hidden, name)
	case 2:
		w.VeryHidden = append(w.VeryHidden, name)
	}
}

// shortString reads a ShortXLUnicodeString, section 2.5.240.
func shortString(b []byte) string {
	if len(b) < 2 {
		return ""
	}
	n, wide := int(b[0]), b[1]&1 == 1
	b = b[2:]
	if wide {
		return utf16le(b[:min(2*n, len(b))])
	}
	return ansi(b[:min(n, len(b))])
}

// name reads a Lbl, section 2.4.150: names that run when the file is opened or
// closed.
func (w *workbook) name(rec []byte) {
	if len(rec) < 15 || w.Encrypted {
		return
	}
	flags, n := binary.LittleEndian.Uint16(rec), int(rec[3])
	text := rec[15:]
	var s string
	if rec[14]&1 == 1 {
		s = utf16le(text[:min(2*n, len(text))])
	} else {
		s = ansi(text[:min(n, len(text))])
	}
	if flags&0x20 != 0 && s != "" { // built in
		switch s[0] {
		case 1:
			s = "Auto_Open"
		case 2:
			s = "Auto_Close"
		case 0x0A:
			s = "Auto_Activate"
		case 0x0B:
			s = "Auto_Deactivate"
		}
	}
	low := strings.ToLower(s)
	if strings.HasPrefix(low, "auto_") {
		if flags&1 != 0 {
			s += " (hidden)"
		}
		w.AutoNames = append(w.AutoNames, s)
	}
}

// supBook reads a SupBook, section 2.4.271: with an application and a topic it
// is a DDE link.
func (w *workbook) supBook(rec []byte) {
	if len(rec) < 6 || w.Encrypted {
		return
	}
	n := int(binary.LittleEndian.Uint16(rec[2:]))
	if n == 0x0401 || n == 0x3A01 || n > 255 {
		return
	}
	var s string
	if rec[4]&1 == 1 {
		s = utf16le(rec[5:min(5+2*n, len(rec))])
	} else {
		s = ansi(rec[5:min(5+n, len(rec))])
	}
	if app, topic, ok := strings.Cut(s, "\x03"); ok && binary.LittleEndian.Uint16(rec) == 0 {
		w.DDE = append(w.DDE, app+" "+topic)
	}
}

// outside names the functions of macro sheets that reach outside, by their
// number in section 2.5.198.17.
func outside(id uint16) string {
	switch id {
	case 0x6E:
		return "EXEC"
	case 0x95:
		return "REGISTER"
	case 0x96:
		return "CALL"
	case 0x84:
		return "FOPEN"
	case 0x89:
		return "FWRITELN"
	case 0x8A:
		return "FWRITE"
	case 0xBA:
		return "GET.WORKSPACE"
	case 0x35:
		return "GOTO"
	case 0x36:
		return "HALT"
	}
	return ""
}

// tokens walks a formula, section 2.5.198.25, and notes calls and literals. It
// stops at a token that it does not know.
func (w *workbook) tokens(b []byte) {
	for len(b) > 0 {
		t := b[0]
		if t >= 0x40 {
			t = t&0x1f | 0x20
		}
		size := 0
		switch t {
		case 0x17: // PtgStr
			s := shortString(b[1:])
			if s != "" && len(w.Strings) < maxKeywords {
				w.Strings = append(w.Strings, s)
			}
			if len(b) < 3 {
				return
			}
			size = 3 + int(b[1])*(1+int(b[2]&1))
		case 0x19: // PtgAttr
			if len(b) < 4 {
				return
			}
			size = 4
			if b[1]&4 != 0 {
				size += 2 * (int(binary.LittleEndian.Uint16(b[2:])) + 1)
			}
		case 0x21, 0x22: // PtgFunc, PtgFuncVar
			at := int(t - 0x20)
			if len(b) < at+2 {
				return
			}
			id := binary.LittleEndian.Uint16(b[at:])
			if f := outside(id); f != "" && !slices.Contains(w.Calls, f) {
				w.Calls = append(w.Calls, f)
			}
			size = at + 2
		default:
			if size = tokenSize(t); size == 0 {
				return
			}
		}
		if size > len(b) {
			return
		}
		b = b[size:]
	}
}

// tokenSize is the size of tokens that say nothing here; 0 is unknown.
func tokenSize(t byte) int {
	switch {
	case t >= 0x03 && t <= 0x16:
		return 1
	case t == 0x01 || t == 0x02:
		return 5
	case t == 0x1C || t == 0x1D:
		return 2
	case t == 0x1E:
		return 3
	case t == 0x1F:
		return 9
	}
	switch t {
	case 0x20:
		return 8
	case 0x23, 0x24, 0x2A, 0x2C:
		return 5
	case 0x25, 0x2B, 0x2D:
		return 9
	case 0x26, 0x27, 0x28, 0x39, 0x3A, 0x3C:
		return 7
	case 0x29:
		return 3
	case 0x3B, 0x3D:
		return 11
	}
	return 0
}

// report turns a workbook into findings.
func (w workbook) report(res *tree.Result, name string, ind *shape.OLETools) {
	if w.Encrypted {
		ReportEncrypted(res, name, ind, "with a password in the manner of Excel 97")
	}
	for _, s := range w.DDE {
		res.Find("file.dde", s, "document %q starts a program through DDE: %q", name, tree.Short(s))
	}
	ReportSheets(res, name, w.Hidden, w.VeryHidden)
	if len(w.MacroSheet) == 0 {
		return
	}
	q := strings.Join(w.MacroSheet[:min(len(w.MacroSheet), 8)], ", ")
	res.Find("file.xlm-macro", q, "document %q carries a macro sheet of the kind of Excel 4", name)
	if len(w.HiddenXLM) > 0 {
		res.Find("file.xlm-hidden", strings.Join(w.HiddenXLM, ", "), "document %q hides a macro sheet", name)
	}
	if len(w.AutoNames) > 0 {
		res.Find("file.macro-autoexec", strings.Join(w.AutoNames, ", "), "the macro sheet of document %q runs by itself", name)
	}
	risk := "medium"
	var reach []string
	for _, c := range w.Calls {
		switch c {
		case "EXEC", "REGISTER", "CALL", "FOPEN", "FWRITE", "FWRITELN":
			reach = append(reach, c)
			risk = "high"
		}
	}
	if len(reach) > 0 {
		res.Find("file.macro-shell", strings.Join(reach, ", "), "the macro sheet of document %q calls programs or libraries", name)
	}
	ReportXLM(ind, risk)
	text := strings.Join(w.Strings, "\n")
	code := Read(text)
	for _, u := range code.URLs {
		res.Link(u)
	}
	for _, k := range w.AutoNames {
		addKeyword(ind, shape.OLEKeyword{Type: autoExec, Keyword: strings.TrimSuffix(k, " (hidden)"), Description: "Runs when the document is opened"})
	}
	for _, k := range reach {
		addKeyword(ind, shape.OLEKeyword{Type: suspicious, Keyword: k, Description: "May run a program or call a library"})
	}
	res.Say(text)
}

// ReportSheets notes the sheets of a workbook that a reader is not shown: hidden
// ones, and very hidden ones, which no menu of the program brings back.
func ReportSheets(res *tree.Result, name string, hidden, very []string) {
	if len(very) > 0 {
		q := strings.Join(very[:min(len(very), 8)], ", ")
		res.Find("file.very-hidden-sheet", q, "document %q has sheets that no menu shows", name)
	}
	if len(hidden) > 0 {
		q := strings.Join(hidden[:min(len(hidden), 8)], ", ")
		res.Find("file.hidden-sheet", q, "document %q hides sheets", name)
	}
}
