package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// AddRaw adds an entry of plain fields, name and value by turns, to a stream whose consumers may be written in any
// language, such as orders:queue, and returns the entry's ID. For a worker that has bound the stream, see [Raw], the
// entry is a job with that ID.
//
// The entry is sent once, together with what other goroutines send; the errors are those of [Client.Enqueue]. Nothing
// else is done for it: no delay, no unique key, and no job's [Timeout] or [MaxAttempts].
//
// Why: docs/decisions/engine.md#an-entry-of-plain-fields-is-added-by-clientaddraw
func (c *Client) AddRaw(ctx context.Context, stream string, fields ...string) (string, error) {
	if err := c.mayCall(ctx); err != nil {
		return "", fmt.Errorf("queue: add to %s: %w", stream, err)
	}
	op, err := c.prepareRaw(stream, fields)
	if err == nil {
		err = c.sender.send(ctx, op)
	}
	if err != nil { // the op may still be under way: it is not recycled
		return "", fmt.Errorf("queue: add to %s: %w", stream, err)
	}
	id := op.entry
	op.recycle()
	return id, nil
}

// prepareRaw checks an entry and makes the command that adds it.
func (c *Client) prepareRaw(stream string, fields []string) (*enqueueOp, error) {
	if err := wire.ValidateName(stream); err != nil {
		return nil, invalid(err)
	}
	if len(fields) == 0 || len(fields)%2 != 0 {
		return nil, invalidf("fields must be names and values by turns")
	}
	size := 0
	for _, field := range fields {
		size += len(field)
	}
	if size > c.cfg.MaxData {
		return nil, fmt.Errorf("the fields have %d bytes, the limit is %d: %w", size, c.cfg.MaxData, ErrTooLarge)
	}
	op := opPool.Get().(*enqueueOp)
	op.size = size
	op.addRaw(stream, fields)
	return op, nil
}

// Raw binds a stream that other programs write, with a bare XADD, in any language. An entry without navvy's fields is
// a job of Kind whose data is the entry's fields as a JSON object of strings. A value that is no UTF-8, the bytes of a
// picture in the field "photo", is there in base64 as "photo;base64"; [Run.Fields] returns the bytes themselves. Done
// entries are acknowledged and deleted, so a stream that has other groups is refused.
type Raw struct {
	Group       string        // the consumer group; defaults to "workers"
	Kind        string        // of entries that are not navvy's own; required
	ForeignIdle time.Duration // an entry that another program's consumer holds so long is taken over; defaults to 1 min
}

// Field is a field of an entry, byte for byte as Redis has it.
type Field struct{ Name, Value string }

// Fields returns the fields of the entry of another program that the job of a raw stream was made of, in their order,
// also when the job comes back after a failed attempt. It returns nil for a job whose data is no such entry's.
func (r *Run) Fields() []Field {
	pairs, ok := wire.JSONToFields(r.Data)
	if !ok {
		return nil
	}
	fields := make([]Field, len(pairs))
	for i, pair := range pairs {
		fields[i] = Field{string(pair.Name), string(pair.Value)}
	}
	return fields
}
