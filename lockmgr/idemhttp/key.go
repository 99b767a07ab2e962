package idemhttp

import (
	"fmt"
	"strings"
)

// maxKey is the longest key in bytes.
const maxKey = 255

// parseKey reads the header: a structured string (RFC 9651), whose parameters mean nothing here, or, as many clients
// send it, the bare key. No header is no key.
func parseKey(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	key, valid := bareKey(values[0])
	if strings.HasPrefix(values[0], `"`) {
		key, valid = quotedKey(values[0][1:])
	}
	if !valid || len(values) > 1 || key == "" || len(key) > maxKey {
		return "", fmt.Errorf("it must be one string of 1 to %d printable ASCII characters", maxKey)
	}
	return key, nil
}

func bareKey(text string) (string, bool) {
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ',' {
			return "", false
		}
	}
	return text, true
}

// quotedKey reads a structured string after its opening quote.
func quotedKey(text string) (string, bool) {
	var key strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			rest := strings.TrimRight(text[i+1:], " ")
			return key.String(), rest == "" || rest[0] == ';'
		case c == '\\':
			if i++; i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", false
			}
			key.WriteByte(text[i])
		case c < ' ' || c >= 0x7f:
			return "", false
		default:
			key.WriteByte(c)
		}
	}
	return "", false
}
