package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// What the floor is on the machine that the bounds were set on, when it does nothing else.
const (
	floorTook = 40 * time.Millisecond
	floorCPU  = 17 * time.Millisecond
)

const (
	floorJobs  = 10_000
	floorChunk = 32 // as the inspector reads
)

// slowness is how many times slower this machine is now than the one that the bounds were set on; never below 1.
type slowness struct{ took, cpu float64 }

// floor reads the first waiting jobs of a queue, bare, a few times, and compares the median.
func (p probe) floor(ctx context.Context, stream string) (slowness, error) {
	var took, cpu []time.Duration
	for range rounds {
		began := time.Now()
		before, err := p.cpu(ctx)
		if err != nil {
			return slowness{}, err
		}
		if err := readJobs(ctx, p.rdb, stream); err != nil {
			return slowness{}, fmt.Errorf("scale: read %s: %w", stream, err)
		}
		after, err := p.cpu(ctx)
		if err != nil {
			return slowness{}, err
		}
		took, cpu = append(took, time.Since(began)), append(cpu, after-before)
	}
	slices.Sort(took)
	slices.Sort(cpu)
	return slowness{
		took: max(1, float64(took[rounds/2])/float64(floorTook)),
		cpu:  max(1, float64(cpu[rounds/2])/float64(floorCPU)),
	}, nil
}

func readJobs(ctx context.Context, rdb *redis.Client, stream string) error {
	from := "-"
	for read := 0; read < floorJobs; read += floorChunk {
		entries, err := rdb.XRangeN(ctx, stream, from, "+", floorChunk).Result()
		if err != nil || len(entries) < floorChunk {
			return err
		}
		from = "(" + entries[floorChunk-1].ID
	}
	return nil
}
