package redisx_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/internal/redisx"
)

const greatest = "18446744073709551615-18446744073709551615"

func TestParseStreamID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]redisx.StreamID{
		"0-0":                   {},
		"0-1":                   {Seq: 1},
		"1717171717171-3":       {Ms: 1717171717171, Seq: 3},
		"007-01":                {Ms: 7, Seq: 1},
		greatest:                {Ms: math.MaxUint64, Seq: math.MaxUint64},
		"9223372036854775808-0": {Ms: math.MaxInt64 + 1},
	} {
		if got, ok := redisx.ParseStreamID(text); got != want || !ok {
			t.Errorf("%q is %v, %t", text, got, ok)
		}
	}
	if got, ok := redisx.ParseStreamID("5"); got != (redisx.StreamID{Ms: 5}) || ok {
		t.Errorf("an incomplete ID is %v, %t", got, ok)
	}
	for _, text := range []string{
		"", "-", "+", "x", "1-", "-1", "1-x", "x-1", "1-2-3", "+1-1", "1-+1", "1--1", " 1-1", "1_0-1", "(1-1", "0x1-1",
		"18446744073709551616-0", "0-18446744073709551616", "01J0000000000000000000000",
	} {
		if got, ok := redisx.ParseStreamID(text); got != (redisx.StreamID{}) || ok {
			t.Errorf("%q is %v, %t", text, got, ok)
		}
	}
}

func TestStreamIDsAreOrderedAndFollowEachOther(t *testing.T) {
	t.Parallel()
	const most = math.MaxUint64
	ascending := []redisx.StreamID{
		{}, {Seq: 1}, {Seq: most}, {Ms: 1}, {Ms: 1, Seq: 9}, {Ms: 1, Seq: 10}, {Ms: 2}, {Ms: 10},
		{Ms: most}, {Ms: most, Seq: most},
	}
	if !slices.IsSortedFunc(ascending, redisx.StreamID.Compare) {
		t.Error("not in order")
	}
	for i, id := range ascending {
		if id.Compare(id) != 0 || i > 0 && (id.Compare(ascending[i-1]) != 1 || ascending[i-1].Compare(id) != -1) {
			t.Errorf("%v compares wrongly", id)
		}
		if again, ok := redisx.ParseStreamID(id.String()); again != id || !ok {
			t.Errorf("%v became %v", id, again)
		}
	}
	for id, want := range map[redisx.StreamID]redisx.StreamID{
		{}:                        {Seq: 1},
		{Ms: 5, Seq: 9}:           {Ms: 5, Seq: 10},
		{Ms: 5, Seq: most}:        {Ms: 6},
		{Ms: most, Seq: most - 1}: {Ms: most, Seq: most},
		{Ms: most, Seq: most}:     {Ms: most, Seq: most},
	} {
		if got := id.Next(); got != want {
			t.Errorf("after %v comes %v", id, got)
		}
	}
}

func TestTimesOfStreamIDs(t *testing.T) {
	t.Parallel()
	last := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	for ms, want := range map[uint64]time.Time{
		0: {}, 1: time.UnixMilli(1), 1717171717171: time.UnixMilli(1717171717171),
		uint64(last.UnixMilli()): last, uint64(last.UnixMilli()) + 1: last,
		math.MaxInt64: last, math.MaxInt64 + 1: last, math.MaxUint64: last,
	} {
		got := redisx.StreamID{Ms: ms, Seq: 7}.Time()
		if !got.Equal(want) {
			t.Errorf("the time of %d-7 is %s, want %s", ms, got, want)
		}
		if _, err := json.Marshal(got.In(time.FixedZone("", 14*3600))); err != nil {
			t.Error(err)
		}
	}
}

func TestStreamIDsAreThoseOfRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	key := redistest.Namespace()
	ids := []string{"0-1", "0-18446744073709551615", "5-0", "5-18446744073709551615", "6-0", greatest}
	for _, id := range ids {
		must(t, rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: id, Values: []string{"f", "v"}}).Err())
	}
	for i, id := range ids {
		parsed, ok := redisx.ParseStreamID(id)
		if !ok || parsed.String() != id {
			t.Errorf("%s is read as %v, %t", id, parsed, ok)
		}
		found, err := rdb.XRangeN(t.Context(), key, parsed.Next().String(), "+", 1).Result()
		must(t, err)
		if want := ids[min(i+1, len(ids)-1)]; len(found) != 1 || found[0].ID != want {
			t.Errorf("after %s comes %v, want %s", id, found, want)
		}
	}
}

// What is read is written, and read again as the same; it is in order with what follows, and JSON takes its time.
func FuzzParseStreamID(f *testing.F) {
	for _, text := range []string{"0-0", "5", "1717171717171-3", greatest, "1-", "-1", "+1-1", "01-1", "1-2-3", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, complete := redisx.ParseStreamID(text)
		if again, ok := redisx.ParseStreamID(id.String()); again != id || !ok {
			t.Errorf("%q is %v, which is read again as %v, %t", text, id, again, ok)
		}
		if id.Compare(id.Next()) > 0 {
			t.Errorf("after %v comes %v", id, id.Next())
		}
		if complete && id == (redisx.StreamID{}) && strings.Trim(text, "0-") != "" {
			t.Errorf("%q is taken for 0-0", text)
		}
		if _, err := json.Marshal(id.Time()); err != nil {
			t.Error(err)
		}
	})
}
