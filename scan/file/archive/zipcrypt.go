package archive

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"hash/crc32"
)

// decrypt returns the packed bytes of one file under a password, and their
// method. ok is false when the password is surely wrong; the old encryption
// cannot tell in one case of 256, its checksum does.
func decrypt(e *zipEntry, packed, password []byte) (plain []byte, method uint16, ok bool) {
	if e.method == methodAES {
		return decryptAES(e, packed, password)
	}
	const header = 12 // APPNOTE section 6.1.5
	if len(packed) < header {
		return nil, 0, false
	}
	k := newKeys(password)
	check := byte(0)
	for _, c := range packed[:header] {
		check = k.decrypt(c)
	}
	want := byte(e.crc >> 24)
	if check != want && (e.flags&flagDescriptor == 0 || check != byte(e.time>>8)) {
		return nil, 0, false
	}
	plain = make([]byte, len(packed)-header)
	for i, c := range packed[header:] {
		plain[i] = k.decrypt(c)
	}
	return plain, e.method, true
}

// keys are the state of the traditional encryption (APPNOTE section 6.1).
type keys [3]uint32

func newKeys(password []byte) *keys {
	k := &keys{0x12345678, 0x23456789, 0x34567890}
	for _, c := range password {
		k.update(c)
	}
	return k
}

func (k *keys) update(c byte) {
	k[0] = crc32.IEEETable[byte(k[0])^c] ^ k[0]>>8
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
}

func (k *keys) stream() byte {
	t := k[2]&0xffff | 2
	return byte(t * (t ^ 1) >> 8)
}

func (k *keys) decrypt(c byte) byte {
	c ^= k.stream()
	k.update(c)
	return c
}

// decryptAES undoes WinZip's AE-1 and AE-2: a salt and a two byte check, AES in
// counter mode with a little-endian counter from 1, ten bytes of HMAC-SHA1.
func decryptAES(e *zipEntry, packed, password []byte) (plain []byte, method uint16, ok bool) {
	const macLen, checkLen, rounds = 10, 2, 1000
	x := extraField(e.extra, 0x9901)
	if len(x) < 7 || x[4] < 1 || x[4] > 3 {
		return nil, 0, false
	}
	method = le16(x[5:])
	saltLen, keyLen := 4+4*int(x[4]), 8+8*int(x[4])
	if len(packed) < saltLen+checkLen+macLen {
		return nil, 0, false
	}
	key, err := pbkdf2.Key(sha1.New, string(password), packed[:saltLen], rounds, 2*keyLen+checkLen)
	if err != nil || subtle.ConstantTimeCompare(key[2*keyLen:], packed[saltLen:saltLen+checkLen]) != 1 {
		return nil, 0, false
	}
	body := packed[saltLen+checkLen : len(packed)-macLen]
	mac := hmac.New(sha1.New, key[keyLen:2*keyLen])
	mac.Write(body)
	if !hmac.Equal(mac.Sum(nil)[:macLen], packed[len(packed)-macLen:]) {
		return nil, 0, false
	}
	block, err := aes.NewCipher(key[:keyLen])
	if err != nil {
		return nil, 0, false
	}
	return ctrLE(block, body), method, true
}

// ctrLE is counter mode with the counter counted from its first byte.
func ctrLE(block cipher.Block, in []byte) []byte {
	out := make([]byte, len(in))
	var counter, pad [aes.BlockSize]byte
	for i := range in {
		if i%aes.BlockSize == 0 {
			for j := range counter {
				counter[j]++
				if counter[j] != 0 {
					break
				}
			}
			block.Encrypt(pad[:], counter[:])
		}
		out[i] = in[i] ^ pad[i%aes.BlockSize]
	}
	return out
}
