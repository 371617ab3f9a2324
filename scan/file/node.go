package file

import (
	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Node is one file of the tree that Explode makes: an attachment or a file
// found inside another.
type Node struct {
	Name     string `json:"name,omitempty"` // as stored; may be hostile
	Path     string `json:"path,omitempty"` // the original path where one is recorded
	How      string `json:"how"`            // how it is carried: "attached", "archived", "embedded", …
	Type     string `json:"type,omitempty"` // by content, "" when unknown
	MIME     string `json:"mime,omitempty"` // media type by content
	Declared string `json:"declared,omitempty"`
	Depth    int    `json:"depth"`
	Size     int64  `json:"size"`
	MD5      string `json:"md5,omitempty"`
	SHA1     string `json:"sha1,omitempty"`
	SHA256   string `json:"sha256,omitempty"`
	// Password opened this file, Problem is why it could not be taken out or
	// looked into.
	Password string         `json:"password,omitempty"`
	Problem  string         `json:"problem,omitempty"`
	Findings []tree.Finding `json:"findings,omitempty"`
	URLs     []string       `json:"urls,omitempty"`
	Text     string         `json:"text,omitempty"`
	// Scan, Office, Calendar, Exif and Codes are what rules see; nil where
	// nobody looked.
	Scan     *shape.ScanTree `json:"scan,omitempty"`
	Office   *shape.OLETools `json:"oletools,omitempty"`
	Calendar *shape.Calendar `json:"calendar,omitempty"`
	Exif     *shape.Exif     `json:"exif,omitempty"`
	Codes    *shape.QR       `json:"codes,omitempty"`
	Children []*Node         `json:"children,omitempty"`

	// Data is the content where it was asked for.
	Data []byte `json:"-"`
}

// Walk calls f for the node and everything below it, parents first. path is
// the names from the attachment down to the node.
func (n *Node) Walk(f func(n *Node, path []string)) { n.walk(nil, f) }

func (n *Node) walk(above []string, f func(*Node, []string)) {
	path := append(above[:len(above):len(above)], n.Label())
	f(n, path)
	for _, c := range n.Children {
		if c != nil {
			c.walk(path, f)
		}
	}
}

// Label is the name safe to print, or what stands for it where there is none.
func (n *Node) Label() string {
	switch {
	case n.Name != "":
		return visible(n.Name)
	case n.Type != "":
		return "unnamed " + n.Type
	}
	return "unnamed"
}
