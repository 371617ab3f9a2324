// Package xarf reads abuse reports in X-ARF, the form in which networks report
// abuse to each other (xarf.org): version 4, and the older version 3.
//
// A report names the source of the abuse and, by its kind, more: the address of a
// page, a file's hash, a command server. Unknown properties are kept: a report is
// written as it was read.
package xarf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"foregate/intel"
)

// MaxText bounds what is read, in bytes: a report carries evidence, such as a
// whole message.
const MaxText = 256 << 20

// Report is one report.
type Report struct {
	Version           string // "4.2.0"; "3…" for the older form
	ID                string // "" in version 3
	Category, Type    string // "content", "phishing"
	Reporter          string // organisation
	At                time.Time
	First, Last       time.Time
	Source            string // address or name
	URL, Domain, File string
	Server, Malware   string // command server, family
	Sender            string // envelope address of spam
	Raw               json.RawMessage
}

// MarshalJSON writes the report as it was read.
func (r Report) MarshalJSON() ([]byte, error) { return r.Raw, nil }

type version4 struct {
	Version  string `json:"xarf_version"`
	ID       string `json:"report_id"`
	At       string `json:"timestamp"`
	Category string `json:"category"`
	Type     string `json:"type"`
	Source   string `json:"source_identifier"`
	Reporter struct {
		Org string `json:"org"`
	} `json:"reporter"`
	URL     string `json:"url"`
	Domain  string `json:"domain"`
	File    any    `json:"file_hash"` // an object in reports on perceptual hashes
	Server  string `json:"c2_server"`
	Malware string `json:"malware_family"`
	Sender  string `json:"smtp_from"`
	First   string `json:"first_seen"`
	Last    string `json:"last_seen"`
}

type version3 struct {
	Version  string `json:"Version"`
	Reporter struct {
		Org string `json:"ReporterOrg"`
	} `json:"ReporterInfo"`
	Report struct {
		Class  string `json:"ReportClass"`
		Type   string `json:"ReportType"`
		Date   string `json:"Date"`
		Source struct {
			IP  string `json:"IP"`
			URL string `json:"URL"`
		} `json:"Source"`
		More struct {
			Malware string `json:"MalwareFamily"`
			Server  string `json:"C2Server"`
			Sender  string `json:"SMTPFrom"`
			First   string `json:"FirstSeen"`
			Last    string `json:"LastSeen"`
		} `json:"AdditionalInfo"`
	} `json:"Report"`
}

// Detect says whether a text begins like a report.
func Detect(head []byte) bool {
	s := string(head)
	return strings.Contains(s, `"xarf_version"`) || strings.Contains(s, `"ReporterInfo"`) && strings.Contains(s, `"Version"`)
}

// Read reads one report or a list of them. bad are those that could not be used,
// with their number; the error is that the text as a whole is no JSON.
func Read(r io.Reader) (reports []Report, bad []error, err error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxText+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading X-ARF: %w", err)
	}
	if len(b) > MaxText {
		return nil, nil, fmt.Errorf("reading X-ARF: more than %d bytes", MaxText)
	}
	list := []json.RawMessage{b}
	if t := strings.TrimSpace(string(b[:min(len(b), 64)])); strings.HasPrefix(t, "[") {
		list = nil
		if err := json.Unmarshal(b, &list); err != nil {
			return nil, nil, fmt.Errorf("reading X-ARF: %w", err)
		}
	} else if !json.Valid(b) {
		return nil, nil, errors.New("reading X-ARF: the text is no JSON")
	}
	for i, raw := range list {
		rep, err := parse(raw)
		if err != nil {
			bad = append(bad, fmt.Errorf("report %d: %w", i, err))
			continue
		}
		reports = append(reports, rep)
	}
	return reports, bad, nil
}

func parse(raw json.RawMessage) (Report, error) {
	var v4 version4
	if err := json.Unmarshal(raw, &v4); err != nil {
		return Report{}, err
	}
	r := Report{Version: v4.Version, ID: v4.ID, Category: v4.Category, Type: v4.Type, Reporter: v4.Reporter.Org, Source: v4.Source,
		URL: v4.URL, Domain: v4.Domain, Server: v4.Server, Malware: v4.Malware, Sender: v4.Sender, Raw: raw}
	r.File, _ = v4.File.(string)
	at, first, last := v4.At, v4.First, v4.Last
	if v4.Version == "" {
		var v3 version3
		if err := json.Unmarshal(raw, &v3); err != nil {
			return Report{}, err
		}
		p := v3.Report
		r.Version, r.Reporter, r.Category, r.Type = v3.Version, v3.Reporter.Org, strings.ToLower(p.Class), strings.ToLower(p.Type)
		r.Source, r.URL, r.Malware, r.Server, r.Sender = p.Source.IP, p.Source.URL, p.More.Malware, p.More.Server, p.More.Sender
		at, first, last = p.Date, p.More.First, p.More.Last
	}
	if !strings.HasPrefix(r.Version, "4") && !strings.HasPrefix(r.Version, "3") {
		return r, fmt.Errorf("%q is no version of X-ARF that is known (3 and 4 are)", r.Version)
	}
	if r.Category == "" || r.Type == "" || r.Source == "" && r.URL == "" {
		return r, errors.New("the category, the type or the source is missing")
	}
	for _, t := range []struct {
		to   *time.Time
		text string
	}{{&r.At, at}, {&r.First, first}, {&r.Last, last}} {
		if t.text == "" {
			continue
		}
		v, err := time.Parse(time.RFC3339Nano, t.text)
		if err == nil {
			err = intel.CheckTime(v)
		}
		if err != nil {
			return r, fmt.Errorf("%q is no usable time: %w", t.text, err)
		}
		*t.to = v.UTC()
	}
	return r, nil
}

// attacks says whether the source of such a report does harm. The source of a
// report on a vulnerability is at risk, that of one on copyright a host.
func (r Report) attacks() bool {
	switch r.Category {
	case "copyright", "vulnerability":
		return false
	case "content":
		return r.Type != "exposed_data" && r.Type != "csam" && r.Type != "csem"
	}
	return true
}

// Assertions are what the report says. The host of a page or file that is named is
// only reported, because others may share it; without one it is an indicator.
// The error says what in the report could not be used.
func (r Report) Assertions(base intel.Source) (out []intel.Assertion, err error) {
	if r.Reporter != "" {
		base.Name = r.Reporter
	}
	if r.ID != "" {
		base.Origin = "X-ARF report " + r.ID
	}
	object := intel.Node{Kind: intel.Report, Value: "abuse report: " + r.Category + "/" + r.Type}
	if r.Malware != "" {
		object = intel.Node{Kind: intel.Malware, Value: strings.Join(strings.Fields(r.Malware), " ")}
	}
	var errs []error
	add := func(kind intel.Kind, value string, rel intel.Relation) {
		if value == "" {
			return
		}
		n, err := intel.Clean(kind, value)
		if err != nil {
			errs = append(errs, err)
			return
		}
		if !r.attacks() {
			rel = "reported-in"
		}
		// What a report says holds from when it was seen; when it ends is unknown.
		a := intel.Assertion{Subject: n, Relation: rel, Object: object, First: r.First, Source: base}
		if !r.Last.IsZero() {
			a.First = r.Last
		}
		if a.First.IsZero() {
			a.First = r.At
		}
		if err := a.Check(); err != nil {
			errs = append(errs, err)
			return
		}
		out = append(out, a)
	}
	host := intel.Indicates
	if r.URL != "" || r.Domain != "" {
		host = "reported-in"
	}
	add(intel.URL, r.URL, intel.Indicates)
	add(intel.Domain, r.Domain, intel.Indicates)
	add(intel.Domain, r.Source, host) // an address is told from a name by Clean
	add(intel.SHA256, hash(r.File), intel.Indicates)
	add(intel.Domain, r.Server, intel.Indicates)
	// The envelope's address of spam is the sender's word.
	add(intel.Email, r.Sender, "reported-in")
	return out, errors.Join(errs...)
}

// hash is the digest of "sha256:…"; the kind is told by its length.
func hash(s string) string {
	if _, digest, ok := strings.Cut(s, ":"); ok {
		return digest
	}
	return s
}
