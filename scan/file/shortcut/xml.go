package shortcut

import (
	"encoding/xml"
	"io"
	"strings"
)

// elements calls f for each element of an XML text, as far as it can be read,
// with the text that directly follows its start.
func (r *reader) elements(f func(e xml.StartElement, text string)) {
	d := xml.NewDecoder(strings.NewReader(r.text))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var open *xml.StartElement
	flush := func(text string) {
		if open != nil {
			f(*open, strings.TrimSpace(text))
			open = nil
		}
	}
	for range 5 * maxLines {
		t, err := d.RawToken()
		if err != nil {
			break
		}
		switch t := t.(type) {
		case xml.StartElement:
			flush("")
			e := t.Copy()
			open = &e
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); s != "" {
				flush(s)
			}
		case xml.EndElement:
			flush("")
		}
	}
	flush("")
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}

// search reads libraries and saved searches: a folder of Windows Explorer whose
// content lies on the sender's server.
func (r *reader) search() {
	place := func(where string) {
		if where == "" || strings.HasPrefix(strings.ToLower(where), "knownfolder:") {
			return
		}
		r.res.Link(where)
		if strings.HasPrefix(where, `\\`) || strings.Contains(where, "://") {
			r.res.Find("file.remote-folder", where, "%q shows a folder of the server %q as if it were the reader's own", r.in.Name, where)
		}
		r.onServer(where, "shows a folder of a server, which gets the reader's password hash")
	}
	if low := strings.ToLower(r.text); strings.HasPrefix(strings.TrimSpace(low), "search-ms:") {
		for part := range strings.SplitSeq(strings.TrimSpace(r.text), "&") {
			if _, where, ok := strings.Cut(part, "location:"); ok {
				place(where)
			}
		}
		return
	}
	r.elements(func(e xml.StartElement, text string) {
		switch strings.ToLower(e.Name.Local) {
		case "url", "locationurl":
			place(text)
		case "include", "scope":
			place(attr(e, "path"))
		case "iconreference", "iconpath":
			r.icon(text)
		}
	})
}

// manifest reads the formats whose elements name what is fetched or started.
func (r *reader) manifest() {
	k := kind(r.in)
	r.elements(func(e xml.StartElement, text string) {
		switch strings.ToLower(e.Name.Local) {
		case "deploymentprovider":
			r.installs(attr(e, "codebase"))
		case "deeplink":
			if k == "settingcontent-ms" && text != "" {
				r.starts(text)
			}
		case "icon":
			if k == "settingcontent-ms" {
				r.icon(text)
			}
		case "jnlp":
			r.installs(attr(e, "codebase"))
		case "string":
			if k == "webloc" && text != "" {
				r.leads(text)
			}
		}
	})
}
