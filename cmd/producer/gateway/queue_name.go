package gateway

import (
	"fmt"
	"regexp"
)

var plainQueue = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// CheckQueue refuses the name of a queue that could be mistaken for another, or for something else where it is shown or
// pasted. What comes from outside may name no other queue; those that exist under other names stay readable.
func CheckQueue(name string) error {
	if plainQueue.MatchString(name) {
		return nil
	}
	return fmt.Errorf("queue %.128q: a name has 1 to 128 letters, digits, dots, colons, dashes and underscores", name)
}
