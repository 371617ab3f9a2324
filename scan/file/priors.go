package file

import "foregate/evidence"

// prior proposes weights for findings that the corpora have too rarely to
// measure; the weight table has the last word. They follow one scale: 1 for what
// honest mail has no use for, about 0.5 for what is rare in it, 0.2 for what is
// odd. What only describes a file (file.program-content, file.embedded-file)
// weighs nothing.
func prior(id string) evidence.Weight {
	switch id {
	case "file.embedded-program", "file.linked-program", "file.calendar-program", "file.dde", "file.equation-object", "file.macro-stomped", "file.pdf-launch",
		"file.excel-addin", "file.default-password", "file.shortcut-interpreter", "file.shortcut-padding", "file.shortcut-hidden-window", "file.remote-folder", "file.remote-desktop-hands-over":
		return 1 // starts a program, or hands the computer over, by one click
	case "file.macro-shell", "file.macro-download", "file.remote-template", "file.remote-object", "file.remote-part", "file.network-path", "file.dangerous-link",
		"file.dangerous-object", "file.shortcut-download", "file.shortcut-icon", "file.xlm-hidden":
		return 0.9 // reaches outside by itself, which documents at work seldom do
	case "file.bomb", "file.decrypted", "file.macro-obfuscated", "file.macro-purged", "file.obfuscated-field", "file.qr-drawn", "file.shortcut-installs", "file.rtf-auto-update",
		"file.declared-mismatch", "file.pdf-many-filters":
		return 0.8 // hides something from whoever looks
	case "file.archive-disagreement", "file.overlapping-entries", "file.path-escape", "file.rtf-obfuscated", "file.package-label",
		"file.xlm-macro", "file.remote-desktop":
		return 0.7
	case "file.archived-html", "file.deep-nesting", "file.encrypted-names", "file.macro-autoexec", "file.alt-chunk", "file.duplicate-part", "file.pdf-script-reach", "file.pdf-obfuscated-name":
		return 0.5
	case "file.packed-program", "file.very-hidden-sheet", "file.macro-locked", "file.qr-decoys", "file.pdf-open-action":
		return 0.4
	case "file.lying-size", "file.over-budget", "file.macro", "file.activex", "file.pdf-javascript", "file.pdf-submit-form", "file.calendar-organizer", "file.qr-link":
		return 0.2
	}
	return 0
}
