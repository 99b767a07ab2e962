package inspect

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"
)

func TestSignatures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"order 4711: timeout after 30s":                        "order #: timeout after #s",
		"7f6b2c1e-0d5a-4a3e-9c55-0123456789ab is gone":         "# is gone",
		"order 01M83YSTZBJRQTVETPANJB7QKC is gone":             "order # is gone", // a fifth of it are not digits
		"no such host mx1.example.org":                         "no such host mx#.example.org",
		"PaymentGatewayV2Error in PaymentGatewayRefundV2":      "PaymentGatewayV#Error in PaymentGatewayRefundV#",
		"charge ch_pQvXkRbZmWcYdLfTg1HsJnA: sha256 is wrong":   "charge ch_#: sha# is wrong",
		"utf8: invalid, HTTP2 stream 17, x509UnknownAuthority": "utf#: invalid, HTTP# stream #, x#UnknownAuthority",
	} {
		if got := withoutIdentifiers(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Whatever the chance that made an ID, the dead are grouped without it.
func TestSignaturesOfRandomIDs(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	missed := 0
	const n = 20_000
	for ms := range uint64(n) {
		id := ulid.ULID{}
		if err := id.SetTime(1_763_683_200_000 + ms*1_000_003); err != nil {
			t.Fatal(err)
		}
		for i := 6; i < len(id); i++ {
			id[i] = byte(random.Uint32())
		}
		if got := withoutIdentifiers(id.String()); got != "#" {
			t.Fatalf("%s: %s", id, got)
		}
		stripe := make([]byte, 24)
		for i := range stripe {
			stripe[i] = base62[random.IntN(len(base62))]
		}
		if strings.ContainsAny(string(stripe), base62[:10]) && withoutIdentifiers(string(stripe)) != "#" {
			missed++
		}
	}
	if missed > n/50 {
		t.Errorf("%d of %d random words of 24 letters and digits were not taken for IDs", missed, n)
	}
}
