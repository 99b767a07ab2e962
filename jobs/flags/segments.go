package flags

import (
	"context"
	"encoding/json"
	"fmt"
)

// segmentsKey is a hash: the name of a segment -> its conditions as JSON.
const segmentsKey = "{feature:}:segments"

// maxSegments bounds the segments that flags share.
const maxSegments = 1000

// SetSegment makes or replaces a segment, which the targets of any flag may name.
func (s *Store) SetSegment(ctx context.Context, name string, segment Segment) error {
	if err := checkFlag(name); err != nil {
		return fmt.Errorf("flags: segment: %w", err)
	}
	if err := segment.validate(); err != nil {
		return fmt.Errorf("flags: segment %s: %w", name, err)
	}
	text, err := json.Marshal(segment)
	if err == nil && len(text) > maxRulesBytes {
		err = fmt.Errorf("%w: %d bytes: %d at the most", ErrInvalid, len(text), maxRulesBytes)
	}
	if err == nil {
		var n int64
		if n, err = s.rdb.HLen(ctx, segmentsKey).Result(); err == nil && n >= maxSegments {
			err = fmt.Errorf("%w: there are %d segments: %d at the most", ErrInvalid, n, maxSegments)
		}
	}
	if err == nil {
		err = s.rdb.HSet(ctx, segmentsKey, name, text).Err()
	}
	if err != nil {
		return fmt.Errorf("flags: segment %s: %w", name, err)
	}
	return nil
}

// DeleteSegment removes a segment. Targets that name it then have nobody in it.
func (s *Store) DeleteSegment(ctx context.Context, name string) error {
	if err := s.rdb.HDel(ctx, segmentsKey, name).Err(); err != nil {
		return fmt.Errorf("flags: segment %s: %w", name, err)
	}
	return nil
}

// Segments returns all segments by their names, without those that cannot be read.
func (s *Store) Segments(ctx context.Context) (map[string]Segment, error) {
	texts, err := s.rdb.HGetAll(ctx, segmentsKey).Result()
	if err != nil {
		return nil, fmt.Errorf("flags: read the segments: %w", err)
	}
	return decodeSegments(texts), nil
}
