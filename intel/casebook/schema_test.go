package casebook

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaOf is the address of the schema of a type.
func schemaOf(root, typ string) string {
	for _, dir := range []string{"sdos", "sros", "observables", "common"} {
		if _, err := os.Stat(filepath.Join(root, dir, typ+".json")); err == nil {
			return "http://raw.githubusercontent.com/oasis-open/cti-stix2-json-schemas/stix2.1/schemas/" + dir + "/" + typ + ".json"
		}
	}
	return typ
}

// TestBundleSchema holds the objects of the worked example and of a case with
// indicators and profiles against the published schemas of STIX 2.1. That of
// bundles is not used: it does not know groupings, notes and opinions.
func TestBundleSchema(t *testing.T) {
	root := "../../../shared/data/intel/formats/stix2/schemas"
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	compiler := jsonschema.NewCompiler()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".json") {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return err
		}
		return compiler.AddResource(doc.(map[string]any)["$id"].(string), doc)
	})
	if err != nil {
		t.Fatal(err)
	}
	worked, err := os.ReadFile(callisto + "bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	var made bytes.Buffer
	c, r := compared(t, world())
	if err := c.STIX(&made, r); err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string][]byte{"worked example": worked, "with indicators": made.Bytes()} {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range v.(map[string]any)["objects"].([]any) {
			typ := o.(map[string]any)["type"].(string)
			s, err := compiler.Compile(schemaOf(root, typ))
			if err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			if err := s.Validate(o); err != nil {
				t.Errorf("%s: %s: %v", name, typ, err)
			}
		}
	}
	for _, want := range []string{`"type": "indicator"`, `"type": "grouping"`, `"type": "opinion"`, `"type": "note"`, "profile: The 3 techniques and 1 programs"} {
		if !strings.Contains(made.String(), want) && !strings.Contains(made.String(), strings.ReplaceAll(want, ": ", ":")) {
			t.Errorf("the bundle lacks %s", want)
		}
	}
}
