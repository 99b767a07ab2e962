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

// arg is the clock as scripts take it, see queue_ms in prelude.lua.
func (c Clock) arg(ms int64) string {
	if c.Given {
		return "=" + strconv.FormatInt(ms, 10)
	}
	return strconv.FormatInt(ms, 10)
}
