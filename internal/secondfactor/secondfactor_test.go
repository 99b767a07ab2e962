package secondfactor_test

import (
	"encoding/base32"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/secondfactor"
)

var sums = strings.Repeat("ab", 32) + "," + strings.Repeat("cd", 32)

func parse(t *testing.T, secret, recovery string) *secondfactor.Factor {
	t.Helper()
	f, err := secondfactor.Parse(secret, recovery)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// codeOf is what an app shows.
func codeOf(t *testing.T, f *secondfactor.Factor, at time.Time) string {
	t.Helper()
	secret, _, _ := strings.Cut(f.String(), " ")
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func check(t *testing.T, f *secondfactor.Factor, code string, at time.Time) secondfactor.Proof {
	t.Helper()
	proof, ok := f.Check(code, at)
	if !ok {
		t.Fatalf("%s is wrong", code)
	}
	return proof
}

// RFC 6238, appendix B, the rows of SHA-1: the last six of their eight digits.
func TestVectorsOfTheRFC(t *testing.T) {
	t.Parallel()
	f := parse(t, base32.StdEncoding.EncodeToString([]byte("12345678901234567890")), sums)
	vectors := map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037",
		20000000000: "353130",
	}
	for seconds, code := range vectors {
		for other, theirs := range vectors {
			near := other-seconds < 60 && seconds-other < 60
			if _, ok := f.Check(theirs, time.Unix(seconds, 0)); ok != near {
				t.Errorf("at %d, %s of %d: %t", seconds, theirs, other, ok)
			}
		}
		if _, ok := f.Check(code[:3]+" "+code[3:], time.Unix(seconds, 0)); !ok {
			t.Errorf("%s with a space is wrong", code)
		}
	}
}

func TestACodeCountsOneStepEachWay(t *testing.T) {
	t.Parallel()
	f, _ := secondfactor.New()
	begin := time.Unix(1_900_000_020, 0) // of a step
	code := codeOf(t, f, begin)
	for seconds, want := range map[time.Duration]bool{
		-31: false, -30: true, -1: true, 0: true, 29: true, 30: true, 59: true, 60: false, 3600: false,
	} {
		if _, ok := f.Check(code, begin.Add(seconds*time.Second)); ok != want {
			t.Errorf("%d s after the step began: %t", seconds, ok)
		}
	}
}

func TestWrongCodes(t *testing.T) {
	t.Parallel()
	f, recovery := secondfactor.New()
	other, others := secondfactor.New()
	now := time.Unix(1_900_000_020, 0)
	code := codeOf(t, f, now)
	for _, wrong := range []string{
		"", " ", "------", "abcdef", code[:5], code + "0", "+" + code[1:], strings.Repeat("9", 10_000),
		codeOf(t, other, now), others[0], recovery[0][1:], recovery[0] + recovery[1], sums, strings.Fields(f.String())[0],
		strings.Split(strings.Fields(f.String())[1], ",")[0],
	} {
		if _, ok := f.Check(wrong, now); ok {
			t.Errorf("%.50q is right", wrong)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	f, recovery := secondfactor.New()
	if len(recovery) != 10 {
		t.Errorf("%d recovery codes", len(recovery))
	}
	read := parse(t, strings.Fields(f.String())[0], strings.Fields(f.String())[1])
	for _, code := range recovery {
		for _, typed := range []string{code, strings.ToUpper(code), strings.ReplaceAll(code, "-", " ")} {
			if !check(t, read, typed, time.Now()).Recovery() {
				t.Errorf("%s is no recovery code", typed)
			}
		}
		if bare := strings.ReplaceAll(code, "-", ""); len(bare) != 24 || strings.Contains(strings.ToLower(f.String()), bare) {
			t.Errorf("%s in %s", code, f)
		}
	}
}

func TestLinesThatAreNone(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("A", 32)
	parse(t, secret, sums)
	for _, bad := range [][2]string{
		{"", sums}, {strings.Repeat("A", 24), sums}, {secret + "1", sums}, {strings.ToLower(secret), sums},
		{secret, ""}, {secret, sums + ","}, {secret, sums[1:]}, {secret, strings.ToUpper(sums)}, {secret, "zz" + sums[2:]},
	} {
		if _, err := secondfactor.Parse(bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// An app that reads the address shows codes that are right.
func TestTheAddressForApps(t *testing.T) {
	t.Parallel()
	const title = "navvy & more = a+b?#%/é"
	f, _ := secondfactor.New()
	address, err := f.URL(title, "ada@example.org")
	if err != nil {
		t.Fatal(err)
	}
	key, err := otp.NewKeyFromURL(address)
	if err != nil {
		t.Fatal(err)
	}
	if key.Type() != "totp" || key.Issuer() != title || key.AccountName() != "ada@example.org" ||
		key.Period() != 30 || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
		t.Error(address)
	}
	code, err := totp.GenerateCode(key.Secret(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	check(t, f, code, time.Now())
	for _, bad := range []string{"", "a:b"} {
		if _, err := f.URL(bad, "ada"); err == nil {
			t.Errorf("title %q is taken", bad)
		}
	}
}

func TestOfManyOneTakesACode(t *testing.T) {
	t.Parallel()
	taken, now := secondfactor.NewTaken(redistest.Shared(t).Client(t)), time.Now()
	f, recovery := secondfactor.New()
	for _, code := range []string{codeOf(t, f, now), codeOf(t, f, now.Add(30*time.Second)), recovery[0], recovery[9]} {
		proof := check(t, f, code, now)
		var firsts atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				first, _, err := taken.Take(t.Context(), proof)
				if err != nil {
					t.Error(err)
				}
				if first {
					firsts.Add(1)
				}
			})
		}
		if all.Wait(); firsts.Load() != 1 {
			t.Errorf("%s was taken %d times", code, firsts.Load())
		}
	}
}

func TestWhatIsKeptOfCodes(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	taken, now := secondfactor.NewTaken(rdb), time.Now()
	f, recovery := secondfactor.New()
	for i, code := range recovery[:3] {
		first, left, err := taken.Take(t.Context(), check(t, f, code, now))
		if !first || left != 9-i || err != nil {
			t.Errorf("recovery code %d: %t, %d, %v", i, first, left, err)
		}
	}
	if first, left, err := taken.Take(t.Context(), check(t, f, recovery[0], now)); first || left != 7 || err != nil {
		t.Errorf("again: %t, %d, %v", first, left, err)
	}
	if first, _, err := taken.Take(t.Context(), check(t, f, codeOf(t, f, now), now)); !first || err != nil {
		t.Errorf("a code of the app: %t, %v", first, err)
	}
	keys := rdb.Keys(t.Context(), "*").Val()
	if len(keys) != 2 {
		t.Errorf("%q", keys)
	}
	for _, key := range keys {
		ttl, isSet := rdb.TTL(t.Context(), key).Val(), strings.HasSuffix(key, ":recovery")
		if strings.Contains(key, strings.Fields(f.String())[0]) || isSet != (ttl < 0) || ttl > 24*time.Hour {
			t.Errorf("%s, for %s", key, ttl)
		}
	}
}

func TestNothingIsTakenWithoutRedis(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer rdb.Close()
	f, recovery := secondfactor.New()
	for _, code := range []string{codeOf(t, f, time.Now()), recovery[0]} {
		first, _, err := secondfactor.NewTaken(rdb).Take(t.Context(), check(t, f, code, time.Now()))
		if first || err == nil {
			t.Errorf("%t, %v", first, err)
		}
	}
}
