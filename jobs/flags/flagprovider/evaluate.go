package flagprovider

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/navvy-go/navvy/jobs/flags"
)

// BooleanEvaluation reports whether a flag is on.
func (p *Provider) BooleanEvaluation(
	ctx context.Context, flag string, fallback bool, flat of.FlattenedContext,
) of.BoolResolutionDetail {
	d, detail := p.decide(ctx, flag, flat)
	if failed(detail) {
		return of.BoolResolutionDetail{Value: fallback, ProviderResolutionDetail: detail}
	}
	if d.Reason == flags.Disabled {
		return of.BoolResolutionDetail{Value: fallback, ProviderResolutionDetail: detail}
	}
	value := d.On
	switch variant := decoded(d).(type) {
	case bool:
		value = variant
	case nil:
		detail.Variant = map[bool]string{true: "on", false: "off"}[value]
	default: // a flag of another type; one whose variants have names alone is on or off
		if !named(d) {
			return of.BoolResolutionDetail{Value: fallback, ProviderResolutionDetail: mismatch(flag, d, fallback)}
		}
		detail.Variant = map[bool]string{true: "on", false: "off"}[value]
	}
	return of.BoolResolutionDetail{Value: value, ProviderResolutionDetail: detail}
}

// StringEvaluation returns the value of the user's variant, a JSON string.
func (p *Provider) StringEvaluation(
	ctx context.Context, flag string, fallback string, flat of.FlattenedContext,
) of.StringResolutionDetail {
	return value(p, ctx, flag, fallback, flat, func(v any) (string, bool) { s, ok := v.(string); return s, ok })
}

// FloatEvaluation returns the value of the user's variant, a JSON number.
func (p *Provider) FloatEvaluation(
	ctx context.Context, flag string, fallback float64, flat of.FlattenedContext,
) of.FloatResolutionDetail {
	return value(p, ctx, flag, fallback, flat, func(v any) (float64, bool) { f, ok := v.(float64); return f, ok })
}

// IntEvaluation returns the value of the user's variant, a JSON number without a fraction and within 2^53.
func (p *Provider) IntEvaluation(
	ctx context.Context, flag string, fallback int64, flat of.FlattenedContext,
) of.IntResolutionDetail {
	return value(p, ctx, flag, fallback, flat, func(v any) (int64, bool) {
		f, ok := v.(float64)
		return int64(f), ok && f == math.Trunc(f) && math.Abs(f) <= 1<<53
	})
}

// ObjectEvaluation returns the value of the user's variant as encoding/json decodes it, whatever it is, unless the
// fallback is a structure and the value is a boolean, a number or a string.
func (p *Provider) ObjectEvaluation(
	ctx context.Context, flag string, fallback any, flat of.FlattenedContext,
) of.InterfaceResolutionDetail {
	return value(p, ctx, flag, fallback, flat, func(v any) (any, bool) { return v, !structured(fallback) || !scalar(v) })
}

func scalar(v any) bool {
	switch v.(type) {
	case bool, float64, string:
		return true
	}
	return false
}

func structured(v any) bool {
	switch reflect.ValueOf(v).Kind() {
	case reflect.Map, reflect.Slice, reflect.Array, reflect.Struct, reflect.Pointer:
		return true
	}
	return false
}

// value returns the value of the user's variant as a T.
func value[T any](
	p *Provider, ctx context.Context, flag string, fallback T, flat of.FlattenedContext, as func(any) (T, bool),
) of.GenericResolutionDetail[T] {
	d, detail := p.decide(ctx, flag, flat)
	answer := of.GenericResolutionDetail[T]{Value: fallback, ProviderResolutionDetail: detail}
	switch {
	case failed(detail) || !d.On:
		return answer
	case d.NeedsUser: // one of several variants
		answer.ProviderResolutionDetail = failure(of.NewTargetingKeyMissingResolutionError(
			fmt.Sprintf("flag %s has variants: the evaluation context needs a targeting key", flag)))
		return answer
	}
	v, ok := as(decoded(d))
	if !ok || d.Variant == "" {
		answer.ProviderResolutionDetail = mismatch(flag, d, fallback)
		return answer
	}
	answer.Value = v
	return answer
}

func mismatch(flag string, d flags.Decision, want any) of.ProviderResolutionDetail {
	return failure(of.NewTypeMismatchResolutionError(
		fmt.Sprintf("flag %s, variant %q: its value is not a %T", flag, d.Variant, want)))
}

// named says whether the variant's value is its name, as that of one that was given no value is.
func named(d flags.Decision) bool {
	name, isText := decoded(d).(string)
	return isText && name == d.Variant
}

// decoded is the value of the decision's variant, nil if there is none.
func decoded(d flags.Decision) any {
	var v any
	if len(d.Value) > 0 {
		_ = json.Unmarshal(d.Value, &v) // the rules were checked when they were read
	}
	return v
}

// decide asks the watcher, and returns what the SDK gets of the answer.
func (p *Provider) decide(
	ctx context.Context, flag string, flat of.FlattenedContext,
) (flags.Decision, of.ProviderResolutionDetail) {
	p.mu.RLock()
	watcher := p.watcher
	p.mu.RUnlock()
	if watcher == nil || !watcher.Status().Ready {
		return flags.Decision{}, failure(of.NewProviderNotReadyResolutionError("flags have not been read yet"))
	}
	user, isText := flat[of.TargetingKey].(string)
	if _, given := flat[of.TargetingKey]; given && !isText {
		return flags.Decision{}, failure(of.NewInvalidContextResolutionError("the targeting key is not a string"))
	}
	d := watcher.Evaluate(ctx, flag, flags.Subject{User: user, Attributes: flat})
	switch {
	case d.Reason == flags.Unknown && d.Err != nil:
		return d, failure(of.NewGeneralResolutionError(d.Err.Error()))
	case d.Reason == flags.Unknown:
		return d, failure(of.NewFlagNotFoundResolutionError("no flag " + flag))
	case d.Err != nil:
		return d, failure(of.NewParseErrorResolutionError(d.Err.Error()))
	case d.NeedsUser && !d.On:
		return d, failure(of.NewTargetingKeyMissingResolutionError(
			fmt.Sprintf("flag %s is on for some: the evaluation context needs a targeting key", flag)))
	}
	detail := of.ProviderResolutionDetail{Reason: reason(d), Variant: d.Variant, FlagMetadata: metadata(d.Metadata)}
	if d.Stale {
		if detail.FlagMetadata == nil {
			detail.FlagMetadata = of.FlagMetadata{}
		}
		detail.FlagMetadata["reason"] = string(detail.Reason)
		detail.Reason = Stale
	}
	return d, detail
}

func reason(d flags.Decision) of.Reason {
	switch {
	case d.Reason == flags.Listed, d.Reason == flags.Targeted:
		return of.TargetingMatchReason
	case d.Reason == flags.Off, d.Reason == flags.Disabled, d.Reason == flags.Requires:
		return of.DisabledReason
	case d.Reason == flags.Rollout || d.Split:
		return of.SplitReason
	case d.Missed:
		return of.DefaultReason
	}
	return of.StaticReason
}

// metadata is a copy for the SDK, with whole numbers as integers.
func metadata(known map[string]any) of.FlagMetadata {
	if len(known) == 0 {
		return nil
	}
	copied := make(of.FlagMetadata, len(known))
	for name, value := range known {
		if n, isNumber := value.(float64); isNumber && n == math.Trunc(n) && math.Abs(n) <= 1<<53 {
			value = int64(n)
		}
		copied[name] = value
	}
	return copied
}

func failure(err of.ResolutionError) of.ProviderResolutionDetail {
	return of.ProviderResolutionDetail{ResolutionError: err, Reason: of.ErrorReason}
}

func failed(detail of.ProviderResolutionDetail) bool { return detail.Error() != nil }
