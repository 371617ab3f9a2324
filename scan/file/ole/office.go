package ole

import (
	"strconv"

	"foregate/mail/weburl"
	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// NewTools is the answer of file.oletools for a document of a format in which
// nothing stands out so far.
func NewTools(format string) *shape.OLETools {
	no := func() *shape.OLEIndicator {
		v := false
		return &shape.OLEIndicator{Exists: &v, Value: "No", Risk: "none"}
	}
	yes := true
	return &shape.OLETools{
		Indicators: &shape.OLEIndicators{
			Encryption: no(), VBAMacros: no(), XLMMacros: no(), ExternalRelationships: no(),
			FileFormat: &shape.OLEIndicator{Exists: &yes, Value: format, Risk: "info"},
		},
		Macros:        &shape.OLEMacros{Keywords: []shape.OLEKeyword{}},
		Relationships: []shape.OLERelationship{},
	}
}

// indicate sets an indicator; the graver risk stays.
func indicate(i *shape.OLEIndicator, value, risk string) {
	yes := true
	if i.Risk == "high" {
		risk = "high"
	}
	i.Exists, i.Value, i.Risk = &yes, value, risk
}

// ReportXLM notes a macro sheet with its risk, "medium" or "high".
func ReportXLM(t *shape.OLETools, risk string) { indicate(t.Indicators.XLMMacros, "Yes", risk) }

// Relate adds a reference to something outside and makes it an indicator.
func Relate(t *shape.OLETools, name, target string) {
	if len(t.Relationships) >= maxRelations {
		return
	}
	rel := shape.OLERelationship{Name: name, Target: target}
	if u, ok := weburl.Parse(target); ok {
		u = weburl.Unwrap(u)
		rel.TargetURL = &u
	}
	t.Relationships = append(t.Relationships, rel)
	indicate(t.Indicators.ExternalRelationships, strconv.Itoa(len(t.Relationships)), "high")
}

// maxRelations bounds the references kept of one document: rules stop at 500.
const maxRelations = 1000

func addKeyword(t *shape.OLETools, k shape.OLEKeyword) {
	if len(t.Macros.Keywords) < maxKeywords {
		t.Macros.Keywords = append(t.Macros.Keywords, k)
	}
}

// ReportEncrypted notes that a document is encrypted; how continues the claim.
func ReportEncrypted(res *tree.Result, name string, t *shape.OLETools, how string) {
	res.Find("file.encrypted-document", how, "document %q is encrypted %s", name, how)
	indicate(t.Indicators.Encryption, "Yes", "low")
	res.Fact("encrypted_doc", &shape.ScanEncryptedDoc{})
}

// ReportMacros notes VBA projects of the document of that name in the findings,
// the text and the facts; without projects it does nothing.
func ReportMacros(res *tree.Result, name string, t *shape.OLETools, projects []Project) {
	if len(projects) == 0 {
		return
	}
	source := reportProjects(res, name, projects)
	code := Read(source)
	res.Find("file.macro", "", "document %q carries macros", name)
	code.report(res, name, "macros")
	risk, value := code.Risk(), "Yes"
	for _, f := range res.Findings {
		if f.ID == "file.macro-stomped" {
			risk = "high"
		}
	}
	if risk == "high" {
		value = "Yes, suspicious"
	}
	indicate(t.Indicators.VBAMacros, value, risk)
	for _, k := range code.Keywords {
		addKeyword(t, k)
	}
	modules := 0
	for _, p := range projects {
		modules += len(p.Modules)
	}
	scan := code.Scan
	scan.TotalFiles, scan.TotalExtracted = &modules, &modules
	res.Fact("vba", &scan)
	res.Say(source)
}
