package redisx

import (
	"fmt"
	"reflect"
	"time"
	"weak"

	"github.com/redis/go-redis/v9"
)

// maxReload is how old a client's map of a cluster may be before it is a danger.
const maxReload = 10 * time.Second

// Dangers lists the settings of a client with which its commands may fail for long after a master was replaced, or read
// what is old. They concern what is done with the client itself, not an own client's connections.
func Dangers(rdb redis.UniversalClient) []string {
	var found []string
	if v := reflect.ValueOf(rdb); !v.IsValid() || v.IsNil() {
		return nil
	}
	switch rdb := rdb.(type) {
	case *redis.Client:
		found = timeoutDangers(rdb.Options().ReadTimeout)
	case *redis.ClusterClient:
		opt := rdb.Options()
		found = timeoutDangers(opt.ReadTimeout)
		_, follows := followed.Load(weak.Make(rdb))
		if opt.ClusterStateReloadInterval > maxReload && !follows {
			found = append(found, fmt.Sprintf("ClusterStateReloadInterval is %s: after a master of the cluster has died, "+
				"commands for its slots may fail for so long; set it to %s or less", opt.ClusterStateReloadInterval, maxReload))
		}
		if opt.ReadOnly {
			found = append(found, "ReadOnly, RouteByLatency or RouteRandomly is set: reads are answered by replicas, which "+
				"may not have the last writes; use another client for what must be up to date")
		}
	}
	return found
}

func timeoutDangers(read time.Duration) []string {
	if read > 0 {
		return nil
	}
	return []string{"there is no ReadTimeout: a command whose server is gone without a trace waits for ever; set one"}
}
