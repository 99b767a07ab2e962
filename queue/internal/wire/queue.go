package wire

import (
	"cmp"
	"math"
	"time"
)

// QueueRef names a queue for client, worker and inspector alike: how it is bound, and its keys.
type QueueRef struct {
	Keys
	Name  string
	Lane  Lane   // whose keys they are, see [QueueRef.In]
	Group string // the consumer group
	Laned bool   // it has jobs in other lanes than the normal one, or had; noted by the inspector alone
	Raw   bool   // bound to a stream that other programs write
	Kind  string // raw: of entries that have none

	ForeignIdle time.Duration // raw: an entry that another program's consumer holds so long is taken over
}

// NewQueueRef names a queue of a namespace that is bound so.
func NewQueueRef(namespace, name string, b Binding) QueueRef {
	q := QueueRef{
		Name: name, Group: cmp.Or(b.Group, DefaultGroup), Raw: b.Raw, Kind: b.Kind, ForeignIdle: DefaultForeignIdle,
	}
	if b.ForeignIdle > 0 && b.ForeignIdle <= math.MaxInt64/int64(time.Millisecond) {
		q.ForeignIdle = time.Duration(b.ForeignIdle) * time.Millisecond
	}
	if b.Raw {
		q.Keys = rawKeys(name)
	} else {
		q.Keys = queueKeys(namespace, name)
	}
	return q
}
