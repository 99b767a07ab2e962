package flagprovider_test

import (
	"context"
	"fmt"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/flags/flagprovider"
)

func ExampleNew() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()

	if err := of.SetProviderWithContextAndWait(ctx, flagprovider.New(rdb, flags.WatchConfig{})); err != nil {
		fmt.Println("the defaults hold until Redis is back:", err)
	}
	defer of.Shutdown()
	user := of.NewEvaluationContext("u-42", nil)
	colour, _ := of.NewClient("shop").StringValue(ctx, "button", "blue", user)
	fmt.Println(colour)
}
