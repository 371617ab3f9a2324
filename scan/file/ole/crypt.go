package ole

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"hash"
	"unicode/utf16"

	"foregate/scan/file/tree"
)

// Bounds of encrypted documents ([MS-OFFCRYPTO]).
const (
	// maxGuesses bounds the passwords tried: Office stretches each with 100,000
	// rounds, a twentieth of a second.
	maxGuesses = 12
	// maxSpin bounds the rounds that a file asks for; the format allows ten
	// million.
	maxSpin     = 200_000
	maxInfo     = 64 << 10 // bytes of the description
	segmentSize = 4096     // bytes encrypted under one start value
)

// defaultPassword opens a workbook without asking: Excel tries it by itself, so
// that attackers encrypt with it to pass scanners ([MS-OFFCRYPTO] section 2.4.2.3
// for the format it comes from).
const defaultPassword = "VelvetSweatshop"

var errInfo = errors.New("encrypted in a way that is not known")

// encrypted reports an encrypted Office Open XML document and opens it where a
// password of the message fits.
func (x *inspection) encrypted(e *Entry) error {
	ReportEncrypted(x.res, x.in.Name, x.tools, "with a password")
	child := tree.Child{Name: "EncryptedPackage", Path: e.Path, How: "embedded"}
	password, data, err := x.decrypt(e)
	if err != nil {
		child.Problem = "encrypted: " + err.Error()
		_ = x.res.Add(x.in.Budget, child, 0)
		return nil
	}
	child.Data, child.Password = data, password
	if x.in.Name != "" {
		child.Name = x.in.Name
	}
	if password == defaultPassword {
		x.res.Find("file.default-password", password, "document %q is encrypted with the password that Excel tries by itself, which hides it from scanners and from nobody else", x.in.Name)
	}
	return x.res.Add(x.in.Budget, child, int64(len(data)))
}

// decrypt finds the password of an encrypted package.
func (x *inspection) decrypt(e *Entry) (password string, data []byte, err error) {
	info := x.c.in(parent(e.Path), "EncryptionInfo")
	if info == nil {
		return "", nil, errInfo
	}
	lock, err := readLock(x.c.Read(info, maxInfo))
	if err != nil {
		return "", nil, err
	}
	guesses := append([]string{defaultPassword}, x.in.Passwords...)
	for _, pw := range guesses[:min(len(guesses), maxGuesses)] {
		if x.ctx.Err() != nil {
			return "", nil, context.Cause(x.ctx)
		}
		if key := lock.key(pw); key != nil {
			packed := x.c.Read(e, int64(len(x.in.Data)))
			if len(packed) < 8 {
				return "", nil, errInfo
			}
			size := binary.LittleEndian.Uint64(packed)
			out := lock.open(key, packed[8:])
			return pw, out[:min(size, uint64(len(out)))], nil
		}
	}
	return "", nil, errors.New("no password found in the message opens it")
}

// lock is how a package is encrypted: it tells whether a password fits (by the key
// that comes of it, else nil) and decrypts.
type lock interface {
	key(password string) []byte
	open(key, data []byte) []byte
}

// readLock reads the stream EncryptionInfo.
func readLock(b []byte) (lock, error) {
	if len(b) < 8 {
		return nil, errInfo
	}
	switch major, minor := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]); {
	case major == 4 && minor == 4:
		return readAgile(b[8:])
	case (major == 2 || major == 3 || major == 4) && minor == 2:
		return readStandard(b[8:])
	}
	return nil, errInfo
}

// agile is the way of Office 2010 and later, section 2.3.4.10.
type agile struct {
	spin               int
	bits, block        int
	hash               func() hash.Hash
	salt               []byte // of the password
	input, value, data []byte // encrypted: what is hashed, its hash, the key of the content
	content            struct {
		salt  []byte
		block int
		hash  func() hash.Hash
	}
}

func readAgile(b []byte) (lock, error) {
	type key struct {
		Spin    int    `xml:"spinCount,attr"`
		Bits    int    `xml:"keyBits,attr"`
		Block   int    `xml:"blockSize,attr"`
		Hash    string `xml:"hashAlgorithm,attr"`
		Cipher  string `xml:"cipherAlgorithm,attr"`
		Mode    string `xml:"cipherChaining,attr"`
		Salt    string `xml:"saltValue,attr"`
		Input   string `xml:"encryptedVerifierHashInput,attr"`
		Value   string `xml:"encryptedVerifierHashValue,attr"`
		Content string `xml:"encryptedKeyValue,attr"`
	}
	var doc struct {
		Data key `xml:"keyData"`
		Keys []struct {
			Key key `xml:"encryptedKey"`
		} `xml:"keyEncryptors>keyEncryptor"`
	}
	if err := xml.Unmarshal(b, &doc); err != nil {
		return nil, errInfo
	}
	for _, k := range doc.Keys {
		p := k.Key
		if p.Salt == "" || p.Cipher != "AES" || p.Mode != "ChainingModeCBC" || doc.Data.Cipher != "AES" || doc.Data.Mode != "ChainingModeCBC" {
			continue
		}
		a := &agile{spin: p.Spin, bits: p.Bits, block: p.Block, hash: hashOf(p.Hash), salt: unbase64(p.Salt), input: unbase64(p.Input), value: unbase64(p.Value), data: unbase64(p.Content)}
		a.content.salt, a.content.block, a.content.hash = unbase64(doc.Data.Salt), doc.Data.Block, hashOf(doc.Data.Hash)
		if a.hash == nil || a.content.hash == nil || a.spin < 0 || a.spin > maxSpin || a.bits != 128 && a.bits != 192 && a.bits != 256 || a.block != aes.BlockSize || a.content.block != aes.BlockSize {
			return nil, errInfo
		}
		return a, nil
	}
	return nil, errInfo
}

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

func hashOf(name string) func() hash.Hash {
	switch name {
	case "SHA1", "SHA-1":
		return sha1.New
	case "SHA256", "SHA-256":
		return sha256.New
	case "SHA384", "SHA-384":
		return sha512.New384
	case "SHA512", "SHA-512":
		return sha512.New
	}
	return nil
}

// stretch hashes a password as often as it is told, section 2.3.4.11.
func stretch(h hash.Hash, salt []byte, password string, spin int) []byte {
	h.Write(salt)
	for _, u := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(u), byte(u >> 8)})
	}
	sum := h.Sum(nil)
	var n [4]byte
	for i := range spin {
		binary.LittleEndian.PutUint32(n[:], uint32(i))
		h.Reset()
		h.Write(n[:])
		h.Write(sum)
		sum = h.Sum(sum[:0])
	}
	return sum
}

// derived is the key of one purpose.
func (a *agile) derived(sum, purpose []byte) []byte {
	h := a.hash()
	h.Write(sum)
	h.Write(purpose)
	key := h.Sum(nil)
	for len(key) < a.bits/8 {
		key = append(key, 0x36)
	}
	return key[:a.bits/8]
}

// The purposes of keys, section 2.3.4.13.
const (
	forInput   = "\xfe\xa7\xd2\x76\x3b\x4b\x9e\x79"
	forValue   = "\xd7\xaa\x0f\x6d\x30\x61\x34\x4e"
	forContent = "\x14\x6e\x0b\xe7\xab\xac\xd0\xd6"
)

func (a *agile) key(password string) []byte {
	sum := stretch(a.hash(), a.salt, password, a.spin)
	undo := func(purpose string, in []byte) []byte {
		return cbc(a.derived(sum, []byte(purpose)), fit(a.salt, a.block), in)
	}
	h := a.hash()
	input := undo(forInput, a.input)
	h.Write(input[:min(len(input), max(len(a.salt), a.block))])
	want, got := h.Sum(nil), undo(forValue, a.value)
	if len(got) < len(want) || !bytes.Equal(want, got[:len(want)]) {
		return nil
	}
	return fit(undo(forContent, a.data), a.bits/8)
}

func (a *agile) open(key, data []byte) []byte {
	data = data[:len(data)-len(data)%aes.BlockSize]
	out := make([]byte, 0, len(data))
	for i := 0; len(data) > 0; i++ {
		part := data[:min(len(data), segmentSize)]
		data = data[len(part):]
		h := a.content.hash()
		h.Write(a.content.salt)
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(i)))
		out = append(out, cbc(key, fit(h.Sum(nil), a.content.block), part)...)
	}
	return out
}

// fit cuts or fills with 0x36.
func fit(b []byte, n int) []byte {
	out := bytes.Repeat([]byte{0x36}, n)
	copy(out, b)
	return out
}

// cbc decrypts whole blocks; nil where there are none.
func cbc(key, iv, in []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(in)-len(in)%aes.BlockSize)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, in[:len(out)])
	return out
}

// standard is the way of Office 2007, section 2.3.4.5.
type standard struct {
	size                 int // bytes of the key
	salt, verifier, want []byte
}

func readStandard(b []byte) (lock, error) {
	if len(b) < 4 {
		return nil, errInfo
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n < 32 || n+4+72 > int64(len(b)) {
		return nil, errInfo
	}
	head, v := b[4:4+n], b[4+n:]
	const aes128, aes192, aes256 = 0x660e, 0x660f, 0x6610
	alg := binary.LittleEndian.Uint32(head[8:])
	size := map[uint32]int{aes128: 16, aes192: 24, aes256: 32}[alg]
	if size == 0 || binary.LittleEndian.Uint32(v) != 16 {
		return nil, errInfo
	}
	return &standard{size: size, salt: v[4:20], verifier: v[20:36], want: v[40:72]}, nil
}

func (s *standard) key(password string) []byte {
	const spin = 50_000
	sum := stretch(sha1.New(), s.salt, password, spin)
	last := sha1.Sum(append(sum, 0, 0, 0, 0))
	var key []byte
	for _, pad := range []byte{0x36, 0x5c} {
		mask := bytes.Repeat([]byte{pad}, 64)
		for i, c := range last {
			mask[i] ^= c
		}
		part := sha1.Sum(mask)
		key = append(key, part[:]...)
	}
	key = key[:s.size]
	got := sha1.Sum(s.open(key, s.verifier))
	if want := s.open(key, s.want); len(want) < len(got) || !bytes.Equal(got[:], want[:len(got)]) {
		return nil
	}
	return key
}

// open decrypts block by block, each alone.
func (s *standard) open(key, data []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	out := make([]byte, len(data)-len(data)%aes.BlockSize)
	for i := 0; i < len(out); i += aes.BlockSize {
		block.Decrypt(out[i:], data[i:])
	}
	return out
}
