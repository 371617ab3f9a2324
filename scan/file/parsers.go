package file

import (
	"foregate/scan/file/archive"
	"foregate/scan/file/ics"
	"foregate/scan/file/lnk"
	"foregate/scan/file/markup"
	"foregate/scan/file/msg"
	"foregate/scan/file/ole"
	"foregate/scan/file/onenote"
	"foregate/scan/file/ooxml"
	"foregate/scan/file/pdf"
	"foregate/scan/file/picture"
	"foregate/scan/file/program"
	"foregate/scan/file/rtf"
	"foregate/scan/file/script"
	"foregate/scan/file/shortcut"
	"foregate/scan/file/tree"
	"foregate/scan/file/vcard"
)

// parsers is the list of everything that opens files: every parser whose Opens
// agrees looks at a file, in this order.
func parsers() []tree.Parser {
	return []tree.Parser{
		archive.Zip{},
		archive.Rar{},
		archive.SevenZip{},
		archive.Tar{},
		archive.Stream{},
		archive.Cab{},
		archive.ISO{},
		archive.Disk{},
		program.Parser{},
		ole.Parser{},
		ooxml.Parser{},
		pdf.Parser{},
		rtf.Parser{},
		lnk.Parser{},
		shortcut.Parser{},
		onenote.Parser{},
		msg.Parser{},
		msg.TNEF{},
		ics.Parser{},
		vcard.Parser{},
		picture.Parser{},
		markup.Parser{},
		script.Parser{},
		message{},
	}
}
