package flagprovider

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

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
	value := d.On
	if variant, isBool := decoded(d).(bool); isBool {
		value = variant
	} else {
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

// ObjectEvaluation returns the value of the user's variant as encoding/json decodes it, whatever it is.
func (p *Provider) ObjectEvaluation(
	ctx context.Context, flag string, fallback any, flat of.FlattenedContext,
) of.InterfaceResolutionDetail {
	return value(p, ctx, flag, fallback, flat, func(v any) (any, bool) { return v, true })
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
		answer.ProviderResolutionDetail = failure(of.NewTypeMismatchResolutionError(
			fmt.Sprintf("flag %s, variant %q: its value is not a %T", flag, d.Variant, fallback)))
		return answer
	}
	answer.Value = v
	return answer
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
	user, named := flat[of.TargetingKey].(string)
	if _, given := flat[of.TargetingKey]; given && !named {
		return flags.Decision{}, failure(of.NewInvalidContextResolutionError("the targeting key is not a string"))
	}
	d := watcher.Decide(ctx, flag, user)
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
	detail := of.ProviderResolutionDetail{Reason: reason(d), Variant: d.Variant}
	if d.Stale {
		detail.FlagMetadata = of.FlagMetadata{"reason": string(detail.Reason)}
		detail.Reason = Stale
	}
	return d, detail
}

func reason(d flags.Decision) of.Reason {
	switch {
	case d.Reason == flags.Listed:
		return of.TargetingMatchReason
	case d.Reason == flags.Off:
		return of.DisabledReason
	case d.Reason == flags.Rollout || d.Split:
		return of.SplitReason
	}
	return of.StaticReason
}

func failure(err of.ResolutionError) of.ProviderResolutionDetail {
	return of.ProviderResolutionDetail{ResolutionError: err, Reason: of.ErrorReason}
}

func failed(detail of.ProviderResolutionDetail) bool { return detail.Error() != nil }
