package leaderboard_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/leaderboard"
	"github.com/navvy-go/navvy/queue"
)

func ExampleBoard() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	boards := leaderboard.New(rdb, map[string]leaderboard.Config{
		"game": {Ties: leaderboard.EarlierWins, Daily: 7 * 24 * time.Hour},
	})

	game := boards.Board("game")
	score, err := game.Increment(ctx, "player_456", 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("now at", score)

	today, err := game.Day(time.Now()).Top(ctx, 10)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range today {
		fmt.Println(entry.Place, entry.Member, entry.Score)
	}
}

func ExampleApply() {
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	client, err := queue.NewClient(rdb, queue.ClientConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// The points of a whole match, counted once however often the job is run.
	_, err = client.Enqueue(ctx, leaderboard.Apply{Board: "game", Changes: []leaderboard.Change{
		leaderboard.AddScore("player_123", 30),
		leaderboard.AddScore("player_456", -5),
	}}, queue.On("events"))
	if err != nil {
		fmt.Println(err)
	}
}
