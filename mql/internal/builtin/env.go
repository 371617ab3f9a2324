package builtin

import (
	"reflect"

	"foregate/mail"
	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
	"foregate/mql/shape"
)

// Capabilities inside the answer of file.explode. Whoever answers it with text
// recognition or code reading built in lists these names too; where a file was
// looked at and had nothing to show, the answer says so by an empty object.
const (
	GateOCR = "file.explode scan.ocr"
	GateQR  = "file.explode scan.qr"
)

// Env returns what names mean in rules: the message model, the function table
// and the typed lists.
func Env() *check.Env {
	ts := Types()
	funcs, roots := New(ts)
	return &check.Env{
		Message: ts.Of(reflect.TypeFor[mail.Message]()),
		Roots:   roots,
		Funcs:   funcs,
		Lists:   map[string]*value.Type{"org_vips": ts.Of(reflect.TypeFor[shape.VIP]())},
		Extra: map[string]*value.Type{
			"Attachment.content_disposition": value.TString,
			"Subject.is_auto_reply":          value.TBool,
			"IPTranslation.encoders":         value.TStrs,
		},
		Gates: map[string]string{"ScanTree.ocr": GateOCR, "ScanTree.qr": GateQR},
	}
}
