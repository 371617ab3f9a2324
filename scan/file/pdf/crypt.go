package pdf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"

	"foregate/mql/shape"
)

// The standard security handler, ISO 32000-1 section 7.6 and ISO 32000-2 section
// 7.6.4. Most encrypted files open without a password (only printing and changing
// are forbidden), so their links are there for every reader but not for scanners.

// maxGuesses bounds the passwords tried: one costs up to ten milliseconds.
const maxGuesses = 16

// padding fills a short password (ISO 32000-1 algorithm 2).
const padding = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

var errCrypt = errors.New("encrypted in a way that is not known")

// security is what the encryption dictionary says.
type security struct {
	version, revision int
	owner, user       []byte // entries O and U
	userKey           []byte // UE
	permissions       uint32
	size              int // bytes of the key
	id                []byte
	plainMetadata     bool
	strings, streams  string // method: "V2" (RC4), "AESV2", "AESV3", "Identity"
	key               []byte
}

// newSecurity reads an encryption dictionary.
func (d *doc) newSecurity(e *dict, trailer *dict) (*security, error) {
	num := func(x *dict, key string, other float64) float64 {
		if f, ok := d.resolve(x.get(key)).(float64); ok {
			return f
		}
		return other
	}
	str := func(key string) []byte {
		t, _ := d.resolve(e.get(key)).(text)
		return t
	}
	if d.resolve(e.get("Filter")) != name("Standard") {
		return nil, errCrypt
	}
	s := &security{
		version: int(num(e, "V", 0)), revision: int(num(e, "R", 0)), owner: str("O"), user: str("U"), userKey: str("UE"),
		permissions: uint32(int64(num(e, "P", 0))), size: int(num(e, "Length", 40)) / 8, strings: "V2", streams: "V2",
	}
	if m, ok := d.resolve(e.get("EncryptMetadata")).(bool); ok {
		s.plainMetadata = !m
	}
	if ids := d.list(trailer.get("ID")); len(ids) > 0 {
		t, _ := d.resolve(ids[0]).(text)
		s.id = t
	}
	switch s.version {
	case 1:
		s.size = 5
	case 2, 3:
	case 4, 5:
		s.strings, s.streams = d.method(e, "StrF"), d.method(e, "StmF")
		s.size = 16
	default:
		return nil, errCrypt
	}
	if s.version == 5 {
		if len(s.user) < 48 || len(s.userKey) < 32 {
			return nil, errCrypt
		}
		return s, nil
	}
	if s.size < 5 || s.size > 16 || len(s.owner) < 32 || len(s.user) < 32 {
		return nil, errCrypt
	}
	return s, nil
}

// method is the way that strings or streams are encrypted, by a crypt filter.
func (d *doc) method(e *dict, which string) string {
	n, _ := d.resolve(e.get(which)).(name)
	if n == "" || n == "Identity" {
		return "Identity"
	}
	filters, _ := d.resolve(e.get("CF")).(*dict)
	f, _ := d.resolve(filters.get(string(n))).(*dict)
	m, _ := d.resolve(f.get("CFM")).(name)
	return string(m)
}

// opens tries a password; where it fits, the key is set.
func (s *security) opens(password string) bool {
	if s.version == 5 {
		return s.opensAES256([]byte(password)[:min(len(password), 127)])
	}
	key, want := s.userEntry(password)
	if !bytes.Equal(want, s.user[:len(want)]) {
		return false
	}
	s.key = key
	return true
}

// userEntry is the key that a password gives, and the entry U that tells that it
// is the right one (algorithms 2, 4 and 5).
func (s *security) userEntry(password string) (key, entry []byte) {
	padded := append([]byte(password), padding...)[:32]
	h := md5.New()
	h.Write(padded)
	h.Write(s.owner[:32])
	h.Write(binary.LittleEndian.AppendUint32(nil, s.permissions))
	h.Write(s.id)
	if s.revision >= 4 && s.plainMetadata {
		h.Write([]byte{0xff, 0xff, 0xff, 0xff})
	}
	key = h.Sum(nil)
	if s.revision >= 3 {
		for range 50 {
			sum := md5.Sum(key[:s.size])
			copy(key, sum[:])
		}
	}
	key = key[:s.size]
	if s.revision < 3 {
		return key, crypt4(key, []byte(padding))
	}
	sum := md5.Sum(append([]byte(padding), s.id...))
	entry = sum[:]
	for i := range 20 {
		turn := bytes.Clone(key)
		for j := range turn {
			turn[j] ^= byte(i)
		}
		entry = crypt4(turn, entry)
	}
	return key, entry
}

// opensAES256 is algorithm 2.A of ISO 32000-2.
func (s *security) opensAES256(password []byte) bool {
	check, salt := s.user[32:40], s.user[40:48]
	if !bytes.Equal(s.hash(password, check), s.user[:32]) {
		return false
	}
	block, err := aes.NewCipher(s.hash(password, salt))
	if err != nil {
		return false
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, s.userKey[:32])
	s.key = key
	return true
}

// hash is that of revision 5, SHA-256, or of revision 6, algorithm 2.B of ISO
// 32000-2.
func (s *security) hash(password, salt []byte) []byte {
	sum := sha256.Sum256(append(bytes.Clone(password), salt...))
	k := sum[:]
	if s.revision < 6 {
		return k
	}
	const least, most = 64, 512 // rounds; honest ones end near the first
	for round := 0; round < most; round++ {
		part := append(bytes.Clone(password), k...)
		all := bytes.Repeat(part, 64)
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(all, all)
		rest := 0
		for _, c := range all[:16] {
			rest += int(c)
		}
		switch rest % 3 { // 256 leaves 1, so that the sum of digits decides
		case 0:
			h := sha256.Sum256(all)
			k = h[:]
		case 1:
			h := sha512.Sum384(all)
			k = h[:]
		default:
			h := sha512.Sum512(all)
			k = h[:]
		}
		if round >= least-1 && int(all[len(all)-1]) <= round-31 {
			break
		}
	}
	return k[:32]
}

func crypt4(key, in []byte) []byte {
	c, err := rc4.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out
}

// objectKey is the key of one object (algorithm 1).
func (s *security) objectKey(method string, num, gen int) []byte {
	h := md5.New()
	h.Write(s.key)
	h.Write([]byte{byte(num), byte(num >> 8), byte(num >> 16), byte(gen), byte(gen >> 8)})
	if method == "AESV2" {
		h.Write([]byte("sAlT"))
	}
	return h.Sum(nil)[:min(len(s.key)+5, 16)]
}

// decrypt undoes the encryption of a string or stream of an object (algorithms 1
// and 1.A).
func (s *security) decrypt(in []byte, method string, num, gen int) []byte {
	key := s.key
	if s.version < 5 {
		key = s.objectKey(method, num, gen)
	}
	switch method {
	case "V2":
		return crypt4(key, in)
	case "AESV2", "AESV3":
		if len(in) < 32 {
			return nil // no more than padding
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil
		}
		out := bytes.Clone(in[16 : len(in)-len(in)%16])
		cipher.NewCBCDecrypter(block, in[:16]).CryptBlocks(out, out)
		if pad := int(out[len(out)-1]); pad > 0 && pad <= 16 {
			out = out[:len(out)-pad]
		}
		return out
	}
	return in
}

// encryption reports a file that is encrypted and decrypts it where no password or
// one of the message's opens it.
func (d *doc) encryption() {
	for _, t := range d.trailers {
		e, ok := d.resolve(t.get("Encrypt")).(*dict)
		if !ok {
			continue
		}
		filter, _ := d.resolve(e.get("Filter")).(name)
		v, _ := d.resolve(e.get("V")).(float64)
		quote := fmt.Sprintf("%s V%v", filter, v)
		s, err := d.newSecurity(e, t)
		if err == nil {
			for i, pw := range append([]string{""}, d.in.Passwords...) {
				if i > maxGuesses || d.ctx.Err() != nil {
					break
				}
				if s.opens(pw) {
					d.unlocked(s, e, pw, quote)
					return
				}
			}
		}
		d.locked = true
		d.res.Fact("encrypted_doc", &shape.ScanEncryptedDoc{})
		d.res.Find("file.encrypted-document", quote, "PDF %q is encrypted", d.in.Name)
		return
	}
}

// unlocked decrypts all objects.
func (d *doc) unlocked(s *security, e *dict, password, quote string) {
	if password == "" {
		d.res.Find("file.encrypted-document", quote, "PDF %q is encrypted, but opens without a password", d.in.Name)
	} else {
		d.res.Fact("encrypted_doc", &shape.ScanEncryptedDoc{CrackedPassword: password})
		d.res.Find("file.decrypted", password, "PDF %q is encrypted with the password %q, which the message gives or anybody would try", d.in.Name, password)
	}
	for i := range d.objects {
		o := &d.objects[i]
		x, isDict := o.val.(*dict)
		if isDict && (x == e || x.get("Type") == name("XRef")) || o.packed {
			continue
		}
		o.val = s.values(o.val, o.num, o.gen, 0)
		if o.stream != nil && !(s.plainMetadata && x.get("Type") == name("Metadata")) {
			o.stream = s.decrypt(o.stream, s.streams, o.num, o.gen)
			if o.stream == nil {
				o.stream = []byte{}
			}
		}
	}
}

// values decrypts the strings in a value.
func (s *security) values(v any, num, gen, depth int) any {
	if depth > maxDepth {
		return v
	}
	switch v := v.(type) {
	case text:
		return text(s.decrypt(v, s.strings, num, gen))
	case array:
		for i := range v {
			v[i] = s.values(v[i], num, gen, depth+1)
		}
	case *dict:
		for k := range v.m {
			v.m[k] = s.values(v.m[k], num, gen, depth+1)
		}
	}
	return v
}
