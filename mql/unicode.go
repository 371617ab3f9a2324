package mql

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// invisible returns an error when a rule file holds characters that make it
// read otherwise than it works: bidirectional controls (Unicode TR 9; the
// "Trojan Source" trick, CVE-2021-42574), and bytes that are no UTF-8. A rule
// that looks for such characters writes them as escapes.
func invisible(file string, raw []byte) error {
	line := 1
	for at := 0; at < len(raw); {
		r, n := utf8.DecodeRune(raw[at:])
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && n == 1:
			return fmt.Errorf("%s:%d:%d: byte %#02x is no UTF-8", file, line, column(raw, at), raw[at])
		case r == 0x61c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return fmt.Errorf("%s:%d:%d: the control character U+%04X makes text read in another order than it is; write it as \\u{%x}", file, line, column(raw, at), r, r)
		}
		at += n
	}
	return nil
}

// column is the 1-based column, in code points, of the byte at.
func column(raw []byte, at int) int {
	return 1 + utf8.RuneCount(raw[bytes.LastIndexByte(raw[:at], '\n')+1:at])
}
