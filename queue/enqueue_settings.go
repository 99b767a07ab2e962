package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// EnqueueSettings is what a call of [Client.Enqueue] asks for, see [ClientConfig.Resolve]. Fields that no option
// set are zero.
type EnqueueSettings struct {
	Kind       string
	Data       []byte        // the arguments as JSON
	Queue      string        // [On]; [DefaultQueue] without it
	Priority   Lane          // [Priority]
	In         time.Duration // [In]
	At         time.Time     // [At]
	ID         string        // [ID]
	IDWindow   time.Duration // [ID] and [IDFor]
	UniqueKey  string        // [Unique]
	UniqueFor  time.Duration // [Unique]
	Durability *Durability   // [Durable]; nil without it
	Trace      string        // [Trace]
	RequestID  string        // [RequestID]
	ExpiresIn  time.Duration // [ExpiresIn]
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
		Kind: o.kind, Data: data, Queue: o.queue, Priority: o.lane, In: o.in, At: o.at, ID: o.id, IDWindow: o.idWindow,
		UniqueKey: o.uniqueKey, UniqueFor: o.uniqueFor, Durability: o.durability,
		Trace: o.trace, RequestID: o.requestID, ExpiresIn: o.expiresIn, Policy: o.policy,
	}, nil
}

// Due is when a job that is enqueued now is due; nil if at once.
func (s *EnqueueSettings) Due(now time.Time) *time.Time {
	o := enqueueOptions{in: s.In, at: s.At}
	return o.due(now)
}

// resolve fills o with the options and returns the arguments as JSON.
func (o *enqueueOptions) resolve(args Args, opts []EnqueueOption, maxData int) ([]byte, error) {
	*o = enqueueOptions{queue: DefaultQueue}
	for _, opt := range opts {
		if opt == nil {
			opt = noOption{}
		}
		opt.applyEnqueue(o)
	}
	return o.encode(args, maxData)
}

// encode notes the kind of the arguments and returns them as JSON, or what is wrong with them or with the options.
func (o *enqueueOptions) encode(args Args, maxData int) ([]byte, error) {
	if isNil(args) {
		return nil, invalidf("args are nil")
	}
	if err := wire.ValidateQueue(o.queue); err != nil {
		o.errs = append(o.errs, err)
	}
	if o.in > 0 && o.hasTime {
		o.errs = append(o.errs, errors.New("In and At exclude each other"))
	}
	var err error
	if o.kind, err = checkedKind(args); err != nil {
		o.errs = append(o.errs, err)
	}
	if len(o.errs) > 0 {
		return nil, invalid(errors.Join(o.errs...))
	}
	data, err := encodeArgs(args)
	if err != nil {
		return nil, invalidf("data of %s: %w", o.kind, err)
	}
	if len(data) > maxData {
		return nil, fmt.Errorf("data of %s has %d bytes, the limit is %d: %w", o.kind, len(data), maxData, ErrTooLarge)
	}
	return data, nil
}

// isNil reports whether there are no arguments, or a pointer to none: as JSON they would be null.
func isNil(args Args) bool {
	if args == nil {
		return true
	}
	v := reflect.ValueOf(args)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// checkedKind asks the arguments for their kind.
func checkedKind(args Args) (kind string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the Kind method of %T: %w", args, newPanicError(v))
		}
	}()
	kind = args.Kind()
	return kind, wire.ValidateKind(kind)
}

// encodeArgs returns the arguments as JSON. A MarshalJSON of theirs that panics is an error.
func encodeArgs(args Args) (data []byte, err error) {
	raw, ok := args.(jsonArgs)
	if !ok {
		defer func() {
			if v := recover(); v != nil {
				err = newPanicError(v)
			}
		}()
		return marshal(args)
	}
	if !json.Valid(raw.data) {
		return nil, errors.New("not valid JSON")
	}
	return raw.data, nil
}

func marshal(args Args) ([]byte, error) {
	v := reflect.Indirect(reflect.ValueOf(args)) // it is not nil
	if plain := plainEncoderOf(v.Type()); plain != nil {
		if data, ok := plain.encode(v); ok {
			return data, nil
		}
	}
	return json.Marshal(args)
}
