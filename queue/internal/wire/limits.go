package wire

import (
	"math"
	"time"
)

// What is read from Redis may have been written by another program: nothing about a number is certain.

// LastTime is the latest time that a job may be due at: JSON has no later years, wherever it is read.
var LastTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

var firstTime = time.UnixMilli(0)

// LimitTime brings a time within 1970 and [LastTime]: no other can be counted, shown and read again everywhere.
func LimitTime(t time.Time) time.Time {
	switch {
	case t.After(LastTime):
		return LastTime
	case t.Before(firstTime):
		return firstTime
	}
	return t
}

// maxCount bounds what counts runs: more can be added to it.
const maxCount = math.MaxInt32

func limitCount(n int) int { return min(max(n, 0), maxCount) }

const maxMS = math.MaxInt64 / int64(time.Millisecond) // of a duration: 292 years

// Milliseconds is a duration of so many ms, within what a duration holds and not negative.
func Milliseconds(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), maxMS)) * time.Millisecond
}

// ScoreMS is a score that is a time in ms, within what a float holds exactly.
func ScoreMS(score float64) int64 { return int64(min(max(score, -1<<53), 1<<53)) }

// LeftMS is how many ms are left of a time that a score stands for: no more than a duration holds.
func LeftMS(score float64, now time.Time) int64 {
	return min(max(ScoreMS(score)-now.UnixMilli(), -maxMS), maxMS)
}
