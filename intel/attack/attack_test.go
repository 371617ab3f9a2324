package attack

import (
	"compress/gzip"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	f, err := os.Open("../../../shared/data/intel/attack_v18.1_compact.json.gz")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	c, bad, err := Read(z)
	if err != nil || len(bad) > 0 || len(c.Groups) != 172 || len(c.Campaigns) != 52 || len(c.Names) != 691+784 {
		t.Errorf("%d groups, %d campaigns, %d names, %v, %v", len(c.Groups), len(c.Campaigns), len(c.Names), bad, err)
	}
}

func TestPublishedForm(t *testing.T) {
	text := `{"type":"bundle","id":"bundle--11111111-1111-4111-8111-111111111111","objects":[
{"type":"intrusion-set","id":"intrusion-set--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"One","external_references":[{"source_name":"mitre-attack","external_id":"G9999"}]},
{"type":"attack-pattern","id":"attack-pattern--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"T","external_references":[{"source_name":"mitre-attack","external_id":"T1566"}]},
{"type":"attack-pattern","id":"attack-pattern--11111111-1111-4111-8111-111111111112","revoked":true,"created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"Old"},
{"type":"relationship","id":"relationship--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","relationship_type":"uses","source_ref":"intrusion-set--11111111-1111-4111-8111-111111111111","target_ref":"attack-pattern--11111111-1111-4111-8111-111111111111","external_references":[{"source_name":"R2"},{"source_name":"R1"}]},
{"type":"relationship","id":"relationship--11111111-1111-4111-8111-111111111112","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","relationship_type":"uses","source_ref":"intrusion-set--11111111-1111-4111-8111-111111111111","target_ref":"attack-pattern--11111111-1111-4111-8111-111111111112"}]}`
	c, bad, err := Read(strings.NewReader(text))
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	g := c.Groups[0]
	if g.ID != "G9999" || len(g.Uses) != 1 || g.Uses[0].Object != "T1566" || !slices.Equal(g.Uses[0].Refs, []string{"R1", "R2"}) {
		t.Errorf("%+v", g)
	}
	if left := Without(g.Uses, map[string]bool{"R1": true}); len(left) != 1 {
		t.Error("a statement that another report supports was dropped")
	}
	if left := Without(g.Uses, map[string]bool{"R1": true, "R2": true}); len(left) != 0 {
		t.Error("a statement is evidence for itself")
	}
	if _, _, err := Read(strings.NewReader(`{"objects":[]}`)); err == nil || err.Error() != "reading ATT&CK: no group in it" {
		t.Error(err)
	}
}
