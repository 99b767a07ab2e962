package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// EnqueueSettings is what a call of [Client.Enqueue] asks for, see [ClientConfig.Resolve]. Fields that no option
// set are zero.
type EnqueueSettings struct {
	Kind       string
	Data       []byte        // the arguments as JSON
	Queue      string        // [On]; [DefaultQueue] without it
	In         time.Duration // [In]
	At         time.Time     // [At]
	ID         string        // [ID]
	IDWindow   time.Duration // [ID] and [IDFor]
	UniqueKey  string        // [Unique]
	UniqueFor  time.Duration // [Unique]
	Durability *Durability   // [Durable]; nil without it
	Trace      string        // [Trace]
	RequestID  string        // [RequestID]
	Policy     Policy        // [MaxAttempts], [Timeout], [Backoff] and [Retain]
}

// Resolve reads and checks the arguments and options of an enqueue as a [Client] of this configuration does, without
// Redis: for an [Enqueuer] that stands in for one. Its errors are the client's.
func (c ClientConfig) Resolve(args Args, opts ...EnqueueOption) (EnqueueSettings, error) {
	var o enqueueOptions
	data, err := o.resolve(args, opts, c.withDefaults().MaxData)
	if err != nil {
		return EnqueueSettings{}, err
	}
	return EnqueueSettings{
		Kind: args.Kind(), Data: data, Queue: o.queue, In: o.in, At: o.at, ID: o.id, IDWindow: o.idWindow,
		UniqueKey: o.uniqueKey, UniqueFor: o.uniqueFor, Durability: o.durability,
		Trace: o.trace, RequestID: o.requestID, Policy: o.policy,
	}, nil
}

// Due is when a job that is enqueued now is due; nil if at once.
func (s *EnqueueSettings) Due(now time.Time) *time.Time {
	o := enqueueOptions{in: s.In, at: s.At}
	return o.due(now)
}

// resolve fills o with the options and returns the arguments as JSON.
func (o *enqueueOptions) resolve(args Args, opts []EnqueueOption, maxData int) ([]byte, error) {
	if args == nil {
		return nil, errors.New("args are nil")
	}
	*o = enqueueOptions{queue: DefaultQueue}
	for _, opt := range opts {
		opt.applyEnqueue(o)
	}
	if err := wire.ValidateQueue(o.queue); err != nil {
		o.errs = append(o.errs, err)
	}
	if err := wire.ValidateKind(args.Kind()); err != nil {
		o.errs = append(o.errs, err)
	}
	if len(o.errs) > 0 {
		return nil, errors.Join(o.errs...)
	}
	data, err := encodeArgs(args)
	if err != nil {
		return nil, fmt.Errorf("data of %s: %w", args.Kind(), err)
	}
	if len(data) > maxData {
		return nil, fmt.Errorf("data of %s has %d bytes, the limit is %d: %w", args.Kind(), len(data), maxData, ErrTooLarge)
	}
	return data, nil
}

func encodeArgs(args Args) ([]byte, error) {
	raw, ok := args.(jsonArgs)
	if !ok {
		return json.Marshal(args)
	}
	if !json.Valid(raw.data) {
		return nil, errors.New("not valid JSON")
	}
	return raw.data, nil
}
