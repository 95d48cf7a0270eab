package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

const (
	wrapIV      = 0xa6a6a6a6a6a6a6a6 // RFC 3394 section 2.2.3.1
	wrapRounds  = 6
	maxWrapped  = 40 // an AES-256 key with its check
	smallestCEK = 16
)

// wrapKey is AES key wrap (RFC 3394 section 2.2.1, as an index computation).
func wrapKey(kek, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(key)%8 != 0 || len(key) < smallestCEK {
		return nil, errors.New("session: key to wrap has the wrong size")
	}
	out := make([]byte, 8+len(key))
	copy(out[8:], key)
	binary.BigEndian.PutUint64(out, wrapIV)
	var b [16]byte
	for t := range uint64(wrapRounds * len(key) / 8) {
		r := out[8+8*(int(t)%(len(key)/8)):][:8]
		copy(b[:8], out)
		copy(b[8:], r)
		block.Encrypt(b[:], b[:])
		binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(b[:])^(t+1))
		copy(r, b[8:])
	}
	return out, nil
}

// unwrapKey is its inverse (RFC 3394 section 2.2.2). ok is false when the check fails.
func unwrapKey(kek, wrapped []byte) (key []byte, ok bool) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(wrapped)%8 != 0 || len(wrapped) < 8+smallestCEK || len(wrapped) > maxWrapped {
		return nil, false
	}
	n := len(wrapped)/8 - 1
	key = append([]byte(nil), wrapped[8:]...)
	check := binary.BigEndian.Uint64(wrapped)
	var b [16]byte
	for t := uint64(wrapRounds * n); t > 0; t-- {
		r := key[8*(int(t-1)%n):][:8]
		binary.BigEndian.PutUint64(b[:], check^t)
		copy(b[8:], r)
		block.Decrypt(b[:], b[:])
		check = binary.BigEndian.Uint64(b[:])
		copy(r, b[8:])
	}
	var got, want [8]byte
	binary.BigEndian.PutUint64(got[:], check)
	binary.BigEndian.PutUint64(want[:], wrapIV)
	return key, subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// encryptCBC pads as in PKCS #7 (RFC 5652 section 6.3) and encrypts. Key and IV have the right sizes.
func encryptCBC(key, iv, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("session: key size") // our own, always 16
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	out := make([]byte, len(plain)+pad)
	copy(out, plain)
	for i := range pad {
		out[len(plain)+i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out
}

// decryptCBC decrypts into a fresh slice and takes the padding off. It looks at the padding in
// constant time.
func decryptCBC(key, iv, ciphertext []byte) (plain []byte, ok bool) {
	block, err := aes.NewCipher(key)
	if err != nil || len(iv) != aes.BlockSize || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, false
	}
	out := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, ciphertext)
	last := out[len(out)-aes.BlockSize:]
	pad := int(last[aes.BlockSize-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i, b := range last {
		outside := subtle.ConstantTimeLessOrEq(pad, aes.BlockSize-1-i)
		good &= outside | subtle.ConstantTimeByteEq(b, byte(pad))
	}
	if good != 1 {
		return nil, false
	}
	return out[:len(out)-pad], true
}
