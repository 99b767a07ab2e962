package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/command"
	"github.com/navvy-go/navvy/queue"
)

const defaultQueues = "orders=5,events=1"

// boundQueues reads --queues and --raw. A worker with --raw alone serves the raw streams only.
func boundQueues(c *cli.Context) (map[string]queue.QueueConfig, error) {
	queues := map[string]queue.QueueConfig{}
	named, raw := c.String("queues"), c.StringSlice("raw")
	if !c.IsSet("queues") && len(raw) > 0 {
		named = ""
	}
	if c.IsSet("queues") && named == "" {
		return nil, command.Usage("--queues is empty; want for example %s", defaultQueues)
	}
	for _, text := range strings.FieldsFunc(named, func(r rune) bool { return r == ',' }) {
		name, config, err := parseQueue(text)
		if err == nil {
			err = bind(queues, name, config)
		}
		if err != nil {
			return nil, command.Usage("--queues %q: %w; want for example %s", named, err, defaultQueues)
		}
	}
	for _, text := range raw {
		name, config, err := parseRaw(text)
		if err == nil {
			err = bind(queues, name, config)
		}
		if err != nil {
			return nil, command.Usage("--raw %q: %w; want for example orders:queue,group=G,kind=payment.charge", text, err)
		}
	}
	if c.IsSet("unknown-for") {
		setUnknownFor(queues, c.Duration("unknown-for"))
	}
	return queues, nil
}

// setUnknownFor sets how long jobs of unknown kinds wait, 0 for not at all.
func setUnknownFor(queues map[string]queue.QueueConfig, d time.Duration) {
	if d == 0 {
		d = -1
	}
	for name, config := range queues {
		config.UnknownFor = d
		queues[name] = config
	}
}

func bind(queues map[string]queue.QueueConfig, name string, config queue.QueueConfig) error {
	if _, taken := queues[name]; taken {
		return fmt.Errorf("%q is bound twice", name)
	}
	queues[name] = config
	return nil
}

// parseQueue reads NAME or NAME=WEIGHT.
func parseQueue(text string) (string, queue.QueueConfig, error) {
	name, weight, weighted := strings.Cut(strings.TrimSpace(text), "=")
	if name == "" {
		return "", queue.QueueConfig{}, fmt.Errorf("a queue's name is empty")
	}
	if !weighted {
		return name, queue.QueueConfig{Weight: 1}, nil
	}
	n, err := strconv.Atoi(weight)
	if err != nil || n < 1 {
		return "", queue.QueueConfig{}, fmt.Errorf("the weight of %s is not a number of 1 or more", name)
	}
	return name, queue.QueueConfig{Weight: n}, nil
}

// parseRaw reads STREAM,group=G,kind=K,weight=N; group and weight may be left out.
func parseRaw(text string) (string, queue.QueueConfig, error) {
	stream, rest, _ := strings.Cut(text, ",")
	config := queue.QueueConfig{Weight: 1, Raw: &queue.Raw{}}
	if stream == "" || strings.Contains(stream, "=") {
		return "", config, fmt.Errorf("the stream's name must come first")
	}
	for _, setting := range strings.FieldsFunc(rest, func(r rune) bool { return r == ',' }) {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "group":
			config.Raw.Group = value
		case "kind":
			config.Raw.Kind = value
		case "weight":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return "", config, fmt.Errorf("the weight is not a number of 1 or more")
			}
			config.Weight = n
		default:
			return "", config, fmt.Errorf("unknown setting %q", key)
		}
	}
	if config.Raw.Kind == "" {
		return "", config, fmt.Errorf("kind is missing: its entries do not name one")
	}
	return stream, config, nil
}
