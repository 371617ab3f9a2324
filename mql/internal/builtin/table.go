// Package builtin is the function table of the rule language: every function
// with its arguments, its result, the capability it needs, and, for those that
// look at nothing but their arguments, how it is computed.
package builtin

import (
	"reflect"
	"sync"

	"foregate/mail"
	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
	"foregate/mql/shape"
)

// Capabilities that answer functions. A message whose gate lacks one makes the
// rules that depend on it indeterminate, naming the function.
const (
	NeedsFile        = "file analysis"
	NeedsProfile     = "sender profile"
	NeedsWhois       = "registration data"
	NeedsText        = "text classifier"
	NeedsTranslation = "translation"
	NeedsLink        = "link analysis"
	NeedsRender      = "rendering"
	NeedsOCR         = "character recognition"
	NeedsQR          = "code reading"
	NeedsLogo        = "logo detection"
	NeedsScore       = "attack score"
	NeedsTriage      = "triage state"
)

// Types derives the language types of the model and of the shapes.
func Types() *value.Types {
	return &value.Types{Total: map[string]bool{reflect.TypeFor[mail.Message]().PkgPath(): true}}
}

// table builds the functions; ts gives the types of results.
type table struct {
	ts    *value.Types
	funcs map[string]*check.Func
	// plain maps characters to the ASCII text they imitate, made at first use.
	plain func() map[rune]string
}

// New returns the function table and the top-level names beyond the message.
func New(ts *value.Types) (funcs, roots map[string]*check.Func) {
	t := &table{ts: ts, funcs: map[string]*check.Func{}, plain: sync.OnceValue(confusables)}
	t.collections()
	t.strings()
	t.parsers()
	t.files()
	t.models()
	t.profiles()
	roots = map[string]*check.Func{
		"triage": {Name: "triage", Doc: "What analysts, users and agents said of the message so far.", Out: typeOf[shape.Triage](t), Needs: NeedsTriage},
	}
	return t.funcs, roots
}

func typeOf[T any](t *table) *value.Type { return t.ts.Of(reflect.TypeFor[T]()) }

func (t *table) add(f *check.Func) { t.funcs[f.Name] = f }

// Parameters that recur.
var (
	texts  = check.Accept(value.List)
	object = check.Accept(value.Object, value.String)
)

func in(name string, accepts uint16, objects ...string) check.Param {
	return check.Param{Name: name, Accepts: accepts, Objects: objects}
}

func literal(name string) check.Param {
	return check.Param{Name: name, Accepts: text1, Literal: true}
}

// collections are the functions over lists; the checker knows their types.
func (t *table) collections() {
	list := in("list", check.Accept(value.List))
	body := check.Param{Name: "expression"}
	anything := check.Param{Name: "value"}
	for _, f := range []*check.Func{
		{Name: "any", Doc: "True if the expression is true for an item. Null over a null list, false over an empty one.", In: []check.Param{list, body}, Lambda: true},
		{Name: "all", Doc: "True if the expression is true for every item; true over a null or empty list.", In: []check.Param{list, body}, Lambda: true},
		{Name: "filter", Doc: "The items for which the expression is true; empty over a null list.", In: []check.Param{list, body}, Lambda: true},
		{Name: "map", Doc: "The expression's value for each item; null over a null list.", In: []check.Param{list, body}, Lambda: true},
		{Name: "ratio", Doc: "The share of items for which the expression is true, 0 to 1; null over a null or empty list.", In: []check.Param{list, body}, Lambda: true},
		{Name: "distinct", Doc: "The items with different keys, the first of each; without an expression the item is the key.", In: []check.Param{list, body}, Optional: 1, Lambda: true},
		{Name: "length", Doc: "The number of items of a list, or of code points of a string; null for null.", In: []check.Param{anything}, Lambda: true},
		{Name: "sum", Doc: "The sum of a list of numbers, null ones left out; 0 over a null list.", In: []check.Param{list}, Lambda: true},
		{Name: "flatten", Doc: "A list of lists as one list; empty over a null list.", In: []check.Param{list}, Lambda: true},
		{Name: "coalesce", Doc: "The first argument that is not null.", In: []check.Param{anything, anything}, Variadic: true},
		{Name: "keys", Doc: "The keys of a map, sorted; null for null.", In: []check.Param{anything}},
		{Name: "values", Doc: "The values of a map, in the order of its keys; null for null.", In: []check.Param{anything}},
	} {
		t.add(f)
	}
}

// files are the functions that look into files and pictures.
func (t *table) files() {
	file := in("file", object)
	for _, f := range []*check.Func{
		{Name: "file.explode", Doc: "The file and every file inside it, with what the scanners found in each.", In: []check.Param{file}, Out: typeOf[[]shape.File](t), Needs: NeedsFile},
		{Name: "file.expand_archives", Doc: "The files inside archives, however deep.", In: []check.Param{file}, Out: typeOf[shape.Archive](t), Needs: NeedsFile},
		{Name: "file.oletools", Doc: "Macros, external relationships and encryption of an Office document.", In: []check.Param{file}, Out: typeOf[shape.OLETools](t), Needs: NeedsFile},
		{Name: "file.parse_eml", Doc: "An attached message as a message.", In: []check.Param{file}, Out: typeOf[mail.Message](t), Needs: NeedsFile},
		{Name: "file.parse_text", Doc: "The file as text, decoded by the first encoding that fits.", In: []check.Param{file}, Named: []check.Param{in("encodings", texts)}, Out: typeOf[shape.ParsedText](t), Needs: NeedsFile},
		{Name: "file.parse_html", Doc: "The file as a web page.", In: []check.Param{file}, Out: typeOf[shape.HTML](t), Needs: NeedsFile},
		{Name: "beta.file.parse_ics", Doc: "The file as a calendar.", In: []check.Param{file}, Out: typeOf[shape.Calendar](t), Needs: NeedsFile},
		{Name: "beta.parse_exif", Doc: "The file's own metadata.", In: []check.Param{file}, Out: typeOf[shape.Exif](t), Needs: NeedsFile},
		{Name: "file.message_screenshot", Doc: "The message as a reader sees it, as a picture.", Out: typeOf[shape.Image](t), Needs: NeedsRender},
		{Name: "beta.message_screenshot", Doc: "Older name of file.message_screenshot.", Out: typeOf[shape.Image](t), Needs: NeedsRender},
		{Name: "file.html_screenshot", Doc: "A web page as a picture.", In: []check.Param{file}, Out: typeOf[shape.Image](t), Needs: NeedsRender},
		{Name: "beta.ocr", Doc: "The text in a picture or document.", In: []check.Param{file}, Out: typeOf[shape.OCR](t), Needs: NeedsOCR},
		{Name: "beta.scan_qr", Doc: "The QR codes in a picture or document.", In: []check.Param{file}, Out: typeOf[shape.QR](t), Needs: NeedsQR},
	} {
		t.add(f)
	}
}

// models are the classifiers and the functions that ask the network.
func (t *table) models() {
	file, words := in("file", object), in("text", text1)
	link := in("link", object, "Link", "URL", "Domain")
	mode := in("mode", text1)
	for _, f := range []*check.Func{
		{Name: "ml.nlu_classifier", Doc: "Intents, topics, entities and tags of a text.", In: []check.Param{words}, Named: []check.Param{in("subject", text1)}, Out: typeOf[shape.NLU](t), Needs: NeedsText},
		{Name: "beta.ml_topic", Doc: "Topics of a text.", In: []check.Param{words}, Out: typeOf[shape.Topics](t), Needs: NeedsText},
		{Name: "beta.ml_translate", Doc: "A text in English.", In: []check.Param{words}, Out: typeOf[shape.Translation](t), Needs: NeedsTranslation},
		{Name: "beta.ml_extract_sensitive_information", Doc: "Passages of a text that hold personal or secret data, of the types that a check digit or their form proves.", In: []check.Param{words}, Out: typeOf[shape.Sensitive](t), Needs: NeedsText},
		{Name: "ml.macro_classifier", Doc: "Whether the macros of a document are malicious.", In: []check.Param{file}, Out: typeOf[shape.Macro](t), Needs: NeedsFile},
		{Name: "ml.logo_detect", Doc: "The brands whose logos a picture shows.", In: []check.Param{file}, Out: typeOf[shape.Logos](t), Needs: NeedsLogo},
		{Name: "ml.link_analysis", Doc: "What stands behind a link: redirects, the page, files, a verdict.", In: []check.Param{link}, Named: []check.Param{mode}, Out: typeOf[shape.LinkAnalysis](t), Needs: NeedsLink},
		{Name: "beta.linkanalysis", Doc: "Older name of ml.link_analysis.", In: []check.Param{link}, Named: []check.Param{mode}, Out: typeOf[shape.LinkAnalysis](t), Needs: NeedsLink},
		{Name: "ml.attack_score", Doc: "The verdict of all evidence together.", Out: typeOf[shape.Score](t), Needs: NeedsScore},
		{Name: "beta.fuzzy_attack_score", Doc: "Older name of ml.attack_score.", Out: typeOf[shape.Score](t), Needs: NeedsScore},
		{Name: "network.whois", Doc: "Registration data of a domain.", In: []check.Param{in("domain", object, "Domain", "ParsedDomain")}, Out: typeOf[shape.Whois](t), Needs: NeedsWhois},
	} {
		t.add(f)
	}
}

// profiles are the functions that look at earlier mail.
func (t *table) profiles() {
	for name, doc := range map[string]string{
		"profile.by_sender":        "What earlier mail says of the sender: by address at free mail providers, else by domain.",
		"profile.by_sender_email":  "What earlier mail says of the sender's address.",
		"profile.by_sender_domain": "What earlier mail says of the sender's domain.",
		"beta.profile.by_reply_to": "What earlier mail says of the reply-to address.",
	} {
		t.add(&check.Func{Name: name, Doc: doc, Out: typeOf[shape.Sender](t), Needs: NeedsProfile})
	}
}
