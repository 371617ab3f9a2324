package sample

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// Agile encrypts a package as Office 2010 does ([MS-OFFCRYPTO] section 2.3.4.10),
// stretching the password as often as is told.
func Agile(content []byte, password string, spin int) []byte {
	salt, dataSalt, key, input := []byte("sixteen bytes .."), []byte("sixteen other .."), bytes.Repeat([]byte("k"), 32), []byte("to be hashed 123")
	sum := sha512.Sum512(append(bytes.Clone(salt), UTF16(password)...))
	for i := range spin {
		sum = sha512.Sum512(append(binary.LittleEndian.AppendUint32(nil, uint32(i)), sum[:]...))
	}
	seal := func(purpose string, in []byte) string {
		k := sha512.Sum512(append(bytes.Clone(sum[:]), purpose...))
		return base64.StdEncoding.EncodeToString(encrypt(k[:32], salt, in))
	}
	hashed := sha512.Sum512(input)
	info := fmt.Sprintf(`<?xml version="1.0"?><encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password">`+
		`<keyData saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="%s"/><dataIntegrity/>`+
		`<keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><p:encryptedKey spinCount="%d" saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="%s" encryptedVerifierHashInput="%s" encryptedVerifierHashValue="%s" encryptedKeyValue="%s"/></keyEncryptor></keyEncryptors></encryption>`,
		base64.StdEncoding.EncodeToString(dataSalt), spin, base64.StdEncoding.EncodeToString(salt),
		seal("\xfe\xa7\xd2\x76\x3b\x4b\x9e\x79", input), seal("\xd7\xaa\x0f\x6d\x30\x61\x34\x4e", hashed[:]), seal("\x14\x6e\x0b\xe7\xab\xac\xd0\xd6", key))
	packed := binary.LittleEndian.AppendUint64(nil, uint64(len(content)))
	for i := 0; i*4096 < len(content); i++ {
		iv := sha512.Sum512(append(bytes.Clone(dataSalt), binary.LittleEndian.AppendUint32(nil, uint32(i))...))
		packed = append(packed, encrypt(key, iv[:16], content[i*4096:min(len(content), (i+1)*4096)])...)
	}
	return Compound([]Stream{{Path: "EncryptionInfo", Data: append([]byte{4, 0, 4, 0, 0x40, 0, 0, 0}, info...)}, {Path: "EncryptedPackage", Data: packed}})
}

// Standard encrypts a package as Office 2007 does, section 2.3.4.5.
func Standard(content []byte, password string) []byte {
	salt, verifier := []byte("sixteen bytes .."), []byte("to be hashed 123")
	sum := sha1.Sum(append(bytes.Clone(salt), UTF16(password)...))
	for i := range 50_000 {
		sum = sha1.Sum(append(binary.LittleEndian.AppendUint32(nil, uint32(i)), sum[:]...))
	}
	sum = sha1.Sum(append(sum[:], 0, 0, 0, 0))
	mask := bytes.Repeat([]byte{0x36}, 64)
	for i := range sum {
		mask[i] ^= sum[i]
	}
	first := sha1.Sum(mask)
	block, err := aes.NewCipher(first[:16])
	if err != nil {
		panic(err)
	}
	ecb := func(in []byte) []byte {
		out := append(bytes.Clone(in), make([]byte, (16-len(in)%16)%16)...)
		for i := 0; i < len(out); i += 16 {
			block.Encrypt(out[i:], out[i:])
		}
		return out
	}
	hashed := sha1.Sum(verifier)
	le := binary.LittleEndian
	head := make([]byte, 32)
	le.PutUint32(head, 0x24)
	le.PutUint32(head[8:], 0x660e)
	le.PutUint32(head[12:], 0x8004)
	le.PutUint32(head[16:], 128)
	info := le.AppendUint32([]byte{3, 0, 2, 0, 0x24, 0, 0, 0}, uint32(len(head)))
	info = append(append(le.AppendUint32(append(info, head...), 16), salt...), ecb(verifier)...)
	info = append(le.AppendUint32(info, 20), ecb(hashed[:])...)
	packed := append(le.AppendUint64(nil, uint64(len(content))), ecb(content)...)
	return Compound([]Stream{{Path: "EncryptionInfo", Data: info}, {Path: "EncryptedPackage", Data: packed}})
}

func encrypt(key, iv, in []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := append(bytes.Clone(in), make([]byte, (16-len(in)%16)%16)...)
	cipher.NewCBCEncrypter(block, iv[:16]).CryptBlocks(out, out)
	return out
}
