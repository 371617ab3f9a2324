package file

import "foregate/mail"

// maxFiles bounds the files inside attachments that later stages are told of.
const maxFiles = 200

// tell notes the files inside an attachment for the stages that look for hashes.
func tell(f *mail.Facts, root *Node) {
	root.Walk(func(n *Node, _ []string) {
		if n != root && n.SHA256 != "" && len(f.Files) < maxFiles {
			f.Files = append(f.Files, mail.FileFact{Name: n.Name, MD5: n.MD5, SHA1: n.SHA1, SHA256: n.SHA256})
		}
	})
}
