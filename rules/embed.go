// Package rules is the detection content that comes with Foregate: rules about
// targeted phishing and fraud, and the lists they name.
//
// A rule is NAME.yml; its samples are testdata/NAME/hit-*.eml, on which it must
// fire, and testdata/NAME/miss-*.eml, the ordinary mail that looks alike, on
// which no rule may. testdata/ordinary holds everyday mail on which none may
// either. Package rules/sample says how a sample states what the connection
// would have told. A new rule needs these files and no Go.
package rules

import (
	"embed"
	"io/fs"
)

//go:embed *.yml
var ruleFiles embed.FS

//go:embed lists/manifest.json lists/*.txt
var listFiles embed.FS

// Rules returns the rule files, for mql.Env.Load.
func Rules() fs.FS { return ruleFiles }

// Lists returns the folder of the lists that the rules name, with its
// manifest.json, for mql.LoadLists. The lists are small and hold what is
// commonly known; an operator's own lists of the same names take their place.
func Lists() fs.FS {
	sub, err := fs.Sub(listFiles, "lists")
	if err != nil {
		panic("rules: the embedded folder has no valid name: " + err.Error()) // the name is the literal above
	}
	return sub
}
