package wire

import (
	"strconv"
	"time"
)

// Clock is a program's own clock, beside that of Redis by which delays go.
type Clock struct {
	Own   time.Time
	Given bool // by the application, in place of Redis' clock
}

// ceilMilliseconds is a duration in ms, rounded up.
func ceilMilliseconds(d time.Duration) int64 {
	ms := d.Milliseconds()
	if d > time.Duration(ms)*time.Millisecond {
		ms++
	}
	return ms
}

// arg is the clock as scripts take it, see queue_ms in prelude.lua.
func (c Clock) arg(ms int64) string {
	if c.Given {
		return "=" + strconv.FormatInt(ms, 10)
	}
	return strconv.FormatInt(ms, 10)
}
