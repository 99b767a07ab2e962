package wire

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// entryTime returns the time in a stream ID, the zero time if there is none.
func EntryTime(streamID string) time.Time {
	ms, _, _ := strings.Cut(streamID, "-")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// entryMillis reads the time in a stream ID.
func EntryMillis(id string) (ms int64) {
	for k := 0; k < len(id) && id[k] != '-'; k++ {
		ms = ms*10 + int64(id[k]-'0')
	}
	return ms
}

// entryAfter returns the stream ID that follows id.
func EntryAfter(id string) string {
	ms, seqText, _ := strings.Cut(id, "-")
	seq, _ := strconv.ParseUint(seqText, 10, 64)
	return ms + "-" + strconv.FormatUint(seq+1, 10)
}

// compareEntries compares two stream IDs.
func CompareEntries(a, b string) int {
	split := func(id string) (ms, seq uint64) {
		msText, seqText, _ := strings.Cut(id, "-")
		ms, _ = strconv.ParseUint(msText, 10, 64)
		seq, _ = strconv.ParseUint(seqText, 10, 64)
		return ms, seq
	}
	aMS, aSeq := split(a)
	bMS, bSeq := split(b)
	return cmp.Or(cmp.Compare(aMS, bMS), cmp.Compare(aSeq, bSeq))
}
