package ole

import "foregate/scan/file/tree"

// encrypted reports an encrypted Office Open XML document and opens it where a
// password of the message fits.
func (x *inspection) encrypted(e *Entry) {
	ReportEncrypted(x.res, x.in.Name, x.tools, "with a password")
	_ = x.res.Add(x.in.Budget, tree.Child{Name: "EncryptedPackage", Path: e.Path, How: "embedded", Problem: "encrypted"}, 0)
}
