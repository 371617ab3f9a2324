package mql

import (
	"strings"

	"foregate/mql/internal/builtin"
)

// Capabilities that fill lists; the function table names the others.
const (
	NeedsHistory = "history lists" // who wrote to the organisation, and to whom it wrote
	NeedsThreats = "threat lists"  // domains and files that others reported
	NeedsProfile = builtin.NeedsProfile
)

// Stage is a step in which a gate gets more able: what it answers from then on.
type Stage struct {
	Name         string
	Capabilities []string
}

// Stages are all capabilities, in the order in which the design adds them. It
// is the one table of their names.
func Stages() []Stage {
	return []Stage{
		{"message, lists, strings, patterns, XPath", nil},
		{"+ file analysis", []string{builtin.NeedsFile}},
		{"+ sender profile, history lists", []string{NeedsProfile, NeedsHistory}},
		{"+ registration data, threat lists", []string{builtin.NeedsWhois, NeedsThreats}},
		{"+ text classifier", []string{builtin.NeedsText, builtin.NeedsTranslation, NeedsKinds, NeedsLabels}},
		{"+ link analysis, rendering", []string{builtin.NeedsLink, builtin.NeedsRender}},
		{"+ character recognition, code reading", []string{builtin.NeedsOCR, builtin.NeedsQR}},
		{"+ logo detection", []string{builtin.NeedsLogo}},
		{"+ attack score, triage state", []string{builtin.NeedsScore, builtin.NeedsTriage}},
	}
}

// Capability returns what answers a function, or one of the names TextInFiles
// and CodesInFiles; "" where nothing is needed.
func (e *Env) Capability(function string) string {
	switch function {
	case TextInFiles:
		return builtin.NeedsOCR
	case CodesInFiles:
		return builtin.NeedsQR
	}
	if f := e.env.Funcs[function]; f != nil {
		return f.Needs
	}
	if f := e.env.Roots[function]; f != nil {
		return f.Needs
	}
	return ""
}

// ListCapability returns what fills a list, named without its $; "" for a list
// that a file or the configuration has.
func ListCapability(name string) string {
	switch name {
	case "sender_emails", "sender_domains", "recipient_emails", "recipient_domains":
		return NeedsHistory
	}
	if strings.HasPrefix(name, "abuse_ch_") {
		return NeedsThreats
	}
	return ""
}
