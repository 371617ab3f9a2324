package tabular

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"foregate/intel"
)

const data = "../../../shared/data/intel/"

func open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(data + name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the shared data are not here: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestIndicatorFiles(t *testing.T) {
	for name, want := range map[string]struct{ rows, bad int }{
		"ioc_grizzly_steppe.csv": {915, 0}, "ioc_apt28.csv": {2746, 0}, "ioc_callisto.csv": {681, 0}, "ioc_hackingteam_rcs.csv": {43, 0},
	} {
		rows, good := 0, 0
		var errs []string
		for r := range Read(open(t, name), CSV, DefaultMapping(), intel.Source{Name: name}) {
			rows++
			good += len(r.Assertions)
			if r.Err != nil {
				errs = append(errs, r.Err.Error())
			}
			for _, a := range r.Assertions {
				if a.Source.Origin == "" && name != "ioc_callisto.csv" || a.Object.Kind != intel.IntrusionSet {
					t.Errorf("%s line %d: no lineage or actor: %+v", name, r.Line, a)
				}
			}
		}
		if rows != want.rows || len(errs) != want.bad || good != rows {
			t.Errorf("%s: %d rows, %d assertions, %q", name, rows, good, errs)
		}
	}
}

// The form of JAR-16-20296A as it was published: rows typed MD5 with nothing in
// the value and the hashes in the comment.
func TestMistypedRows(t *testing.T) {
	md5, sha1, sha256 := strings.Repeat("a1", 16), strings.Repeat("b2", 20), strings.Repeat("c3", 32)
	text := "INDICATOR_VALUE,TYPE,COMMENT,ROLE\n" +
		"evil[.]example[.]com,FQDN,seen,C2\n" +
		",MD5,\"Also known as " + strings.ToUpper(sha256) + " and " + sha1 + "\",WATCHLIST\n" +
		",MD5,no hash here,WATCHLIST\n" +
		md5 + ",MD5,,WATCHLIST\n" +
		"192.0.2[.]999,IPV4ADDR,,\n" +
		"not \"closed,MD5,x\n"
	var got []string
	var errs []string
	recovered := 0
	for r := range Read(strings.NewReader(text), CSV, DefaultMapping(), intel.Source{Name: "JAR"}) {
		for _, a := range r.Assertions {
			got = append(got, a.Subject.String())
		}
		if r.Recovered {
			recovered++
		}
		if r.Err != nil {
			errs = append(errs, r.Err.Error())
		}
	}
	want := []string{"domain-name evil.example.com", "sha256 " + sha256, "sha1 " + sha1, "md5 " + md5}
	if !slices.Equal(got, want) || recovered != 1 {
		t.Errorf("got %q, %d recovered", got, recovered)
	}
	wantErrs := []string{
		"md5: the value is empty, and its comment holds no hash",
		`ipv4-addr: "192.0.2.999" is neither an address nor a network`,
		`hash: "not \"closed" is not 32, 40, 64 or 128 hex digits, and its comment holds no hash`,
	}
	if !slices.Equal(errs, wantErrs) {
		t.Errorf("errors %q", errs)
	}
}

func read(text string) (nodes, errs []string) {
	f := Detect([]byte(text))
	for r := range Read(strings.NewReader(text), f, DefaultMapping(), intel.Source{Name: "list"}) {
		for _, a := range r.Assertions {
			nodes = append(nodes, a.Subject.Value)
		}
		if r.Err != nil {
			errs = append(errs, r.Err.Error())
		}
	}
	return nodes, errs
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		format     Format
		want, errs []string
	}{
		{"OpenPhish", "https://a.com/login\nhttp://b.org/x?y=1\n", Lines, []string{"https://a.com/login", "http://b.org/x?y=1"}, nil},
		{"PhishTank", "phish_id,url,phish_detail_url,submission_time,verified,verification_time,online,target\n1,http://a.com/p,http://d,2024-01-02T03:04:05+00:00,yes,2024-01-02T03:04:05+00:00,yes,Other\n", PhishTank, []string{"http://a.com/p"}, nil},
		{"URLhaus", "# URLhaus Database Dump (CSV)\n# id,dateadded,url,...\n\"3\",\"2024-01-02 03:04:05\",\"http://192.0.2.1:8080/i\",\"online\",\"2024-01-03 00:00:00\",\"malware_download\",\"elf\",\"https://urlhaus/3\",\"x\"\n", URLhaus, []string{"http://192.0.2.1:8080/i"}, nil},
		{"URLhaus list", "# URLhaus Plain-Text URL List\n#\nhttp://192.0.2.1:8080/i\n", Lines, []string{"http://192.0.2.1:8080/i"}, nil},
		{"Spamhaus text", "; Spamhaus DROP List 2024/01/01\n192.0.2.0/24 ; SBL1\n2001:db8::/32 ; SBL2\n", Spamhaus, []string{"192.0.2.0/24", "2001:db8::/32"}, nil},
		{"Spamhaus JSON", "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\",\"rir\":\"arin\"}\n{\"asn\":64500,\"asname\":\"X\"}\n{bad\n{\"type\":\"metadata\",\"records\":2}\n", Spamhaus, []string{"192.0.2.0/24", "64500"}, []string{"malformed JSON: invalid character 'b' looking for beginning of object key string"}},
		{"plain list", "# comment\n0.0.0.0\nevil.com\n192.0.2.0/25\n", Lines, []string{"0.0.0.0", "evil.com", "192.0.2.0/25"}, nil},
		{"edges", "subject_type,subject,relation,object_type,object,first,last,source\ndomain,a.com,resolves-to,ip,192.0.2.1,2016-01-01,2016-02-01,pdns\ndomain,b.com,resolves-to,ip,192.0.2.300\n", Edges, []string{"a.com"}, []string{`ipv4-addr: "192.0.2.300" is neither an address nor a network`}},
		{"edges without head", "domain,a.com,resolves-to,ip,192.0.2.1\nx\n", Edges, []string{"a.com"}, []string{"1 columns, want subject_type,subject,relation,object_type,object[,first,last,source]"}},
		{"report", "The group used login[.]evil[.]com in May.\n", Text, []string{"login.evil.com"}, nil},
		{"names", "uuid,value,synonyms\n1,APT1,Comment Crew|APT1| |TG-8223\n2,,x\n3,Lonely,\n", CSV, []string{"APT1", "APT1"}, []string{"the name of the actor is empty"}},
		{"groups", "group_id,group_name,technique_id\nG0001,Axiom,T1003\n", CSV, []string{"Axiom"}, nil},
	} {
		if f := Detect([]byte(tt.text)); f != tt.format {
			t.Errorf("%s is taken for %s", tt.name, f)
		}
		nodes, errs := read(tt.text)
		if !slices.Equal(nodes, tt.want) || !slices.Equal(errs, tt.errs) {
			t.Errorf("%s: %q, %q", tt.name, nodes, errs)
		}
	}
}

func TestEdgeKeepsItsInterval(t *testing.T) {
	for r := range Read(strings.NewReader("domain,a.com,resolves-to,ip,192.0.2.1,2016-01-01,2016-02-01,pdns\n"), Edges, Mapping{}, intel.Source{Name: "file"}) {
		a := r.Assertions[0]
		if a.First.Year() != 2016 || a.Last.Month() != 2 || a.Source.Name != "pdns" || a.Relation != intel.ResolvesTo {
			t.Errorf("%+v", a)
		}
	}
}

// A quote that nobody closes spoils its own line, and a line without end is passed
// over; what comes after them goes in.
func TestBrokenLines(t *testing.T) {
	for _, tt := range []struct{ name, head, good string }{
		{"edges", "", "domain,a%d.com,resolves-to,ip,192.0.2.1\n"},
		{"csv", "type,value,comment\n", "domain,a%d.com,\"two\nlines, and \"\"quotes\"\"\"\n"},
	} {
		line := func(i int) string { return strings.ReplaceAll(tt.good, "%d", strconv.Itoa(i)) }
		text := tt.head + line(0) + "domain,\"open.com,resolves-to,ip,192.0.2.1\n" + line(1) + strings.Repeat("x", maxLine) + "y\n" + line(2)
		nodes, errs := read(text)
		if !slices.Equal(nodes, []string{"a0.com", "a1.com", "a2.com"}) {
			t.Errorf("%s: %q", tt.name, nodes)
		}
		if !slices.Equal(errs, []string{"a quote is not closed", "a line has more than 1048576 bytes"}) {
			t.Errorf("%s: %q", tt.name, errs)
		}
	}
	nodes, errs := read("evil.com\n" + strings.Repeat("x", maxLine+1) + "\nevil.org")
	if !slices.Equal(nodes, []string{"evil.com", "evil.org"}) || len(errs) != 1 {
		t.Errorf("%q, %q", nodes, errs)
	}
}

// An edge list may be written as programs and people write tables.
func TestEdgeSpellings(t *testing.T) {
	want := "domain-name a.evil.com resolves-to ipv4-addr 192.0.2.52 2016-01-02 pdns"
	for name, text := range map[string]string{
		"no head":           "domain,a.evil.com,resolves-to,ip,192.0.2.52,2016-01-02,,pdns\n",
		"first line broken": "domain,\"a.evil.com,resolves-to,ip\ndomain,a.evil.com,resolves-to,ip,192.0.2.52,2016-01-02,,pdns\n",
		"head in any order": "Source,object,object_type,First Seen,relation,subject,subject_type,extra\npdns,192.0.2.52,ip,2016-01-02,resolves-to,a.evil.com,domain,1\n",
		"all at once":       "\ufeffSUBJECT_TYPE,SUBJECT,RELATION,OBJECT_TYPE,OBJECT,FIRST,LAST,SOURCE\r\n\"Domain\" , \"A[.]EVIL[.]COM.\",\"RESOLVES_TO\",IPv4,192[.]0[.]2[.]52,2016-01-02T00:00:00Z,,pdns\r\n",
		"semicolons":        "subject_type;subject;relation;object_type;object;first;last;source\ndomain;a.evil.com;resolves-to;ip;192.0.2.52;2016-01-02;;pdns",
		"tabs":              "hostname\ta(dot)evil[dot]com\tuses\tip-dst\t192.0.2.52\t1451692800\t\tpdns\n",
		"no types":          "subject,relation,object,first,source\na[.]evil[.]com,resolves to,192.0.2.52,2016/01/02,pdns\n",
		"filled up":         "domain_name,a.evil.com,resolves-to,ip_addr,192.0.2.52,2016-01-02,,pdns,,,\n",
	} {
		if f := Detect([]byte(text)); f != Edges {
			t.Errorf("%s is taken for %s", name, f)
		}
		var got []string
		for r := range Read(strings.NewReader(text), Edges, Mapping{}, intel.Source{Name: "file"}) {
			for _, a := range r.Assertions {
				got = append(got, fmt.Sprint(a.Subject, " ", a.Relation, " ", a.Object, " ", a.First.Format(time.DateOnly), " ", a.Source.Name))
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The same thing has one name, however the list calls the relation.
func TestRelationWords(t *testing.T) {
	text := "domain,a.com,uses,certificate,aa:bb\ndomain,a.com,NS,ns,ns1.b.com\ndomain,a.com,registrant,registrant,X\nip,192.0.2.1,uses_certificate,cert,aa:bb\ngroup,APT28,uses,malware,X-Agent\ndomain,a.com,my-own,domain,b.com\n"
	var got []string
	for r := range Read(strings.NewReader(text), Edges, Mapping{}, intel.Source{Name: "file"}) {
		if r.Err != nil {
			t.Errorf("line %d: %v", r.Line, r.Err)
			continue
		}
		got = append(got, string(r.Assertions[0].Relation))
	}
	if want := []string{"presents", "delegated-to", "registered-by", "presents", "uses", "my-own"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("type,value,comment\nmd5,,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n")
	f.Add("{\"cidr\":\"192.0.2.0/24\"}\n; x\n")
	f.Add("domain,a.com,resolves-to,ip,192.0.2.1,2016-01-01,2016-02-01,pdns\n")
	f.Fuzz(func(t *testing.T, s string) {
		for r := range Read(strings.NewReader(s), Detect([]byte(s)), DefaultMapping(), intel.Source{Name: "x"}) {
			for _, a := range r.Assertions {
				if err := a.Check(); err != nil && r.Err == nil {
					t.Fatal(err)
				}
			}
		}
	})
}
