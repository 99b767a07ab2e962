package main

import "context"

// measureMemory weighs what a waiting job takes in Redis, everything the contestant keeps for it included.
func measureMemory(ctx context.Context, s *server, c contestant, size sizes) (map[string]float64, error) {
	rdb := s.client()
	defer rdb.Close()
	if err := c.fill(ctx, rdb, 1); err != nil { // the connection and the keys themselves
		return nil, err
	}
	before, err := s.memory(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.fill(ctx, rdb, size.jobs); err != nil {
		return nil, err
	}
	after, err := s.memory(ctx)
	return map[string]float64{"memory": (after - before) / float64(size.jobs)}, err
}
