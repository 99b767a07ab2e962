package navvy_test

// keysOfWords are the keys of docs/keys.md as the heads of scripts call them.
var keysOfWords = map[string][]string{
	"stream": {"<stream>"}, "delayed": {"<q>:delayed"}, "retrying": {"<q>:retrying"},
	"delayed or retrying": {"<q>:delayed", "<q>:retrying"}, "bodies": {"<q>:bodies"}, "dead": {"<q>:dead"},
	"dead:ids": {"<q>:dead:ids"}, "workers": {"<q>:workers"}, "worker": {"<q>:worker:<consumer>"},
	"caretaker": {"<q>:caretaker"}, "crashed": {"<q>:crashed"}, "paused": {"<q>:paused"}, "cancelled": {"<q>:cancelled"},
	"totals": {"<q>:stats"}, "counts of the minute": {"<q>:stats:<minute>"}, "counts of the hour": {"<q>:stats:h:<hour>"},
	"counts of all time": {"<q>:metrics"}, "unknown": {"<q>:unknown"}, "version": {"<ns>:version"},
	"job": {"<q>:job:<id>"}, "result": {"<q>:result:<id>"}, "result of its entry": {"<q>:result:<id>"},
	"unique key": {"<q>:unique:<key>"}, "id marker": {"<q>:id:<id>"}, "ids": {"<q>:ids"}, "ids:ends": {"<q>:ids:ends"},
	"cancelled:jobs": {"<q>:cancelled:jobs"}, "cancelled:ids": {"<q>:cancelled:ids"},
	"cron": {"<q>:cron"}, "cron:next": {"<q>:cron:next"}, "cron:state": {"<q>:cron:state"},
	"cron:history": {"<q>:cron:history:<name>"}, "dead or cancelled:jobs": {"<q>:dead", "<q>:cancelled:jobs"},
	"dead:ids or cancelled:ids": {"<q>:dead:ids", "<q>:cancelled:ids"},
	"job of its entry":          {"<q>:job:<id>"},
	"expired:jobs":              {"<q>:expired:jobs"}, "expired:ids": {"<q>:expired:ids"}, "started": {"<q>:started"},
	"dead, cancelled:jobs or expired:jobs":   {"<q>:dead", "<q>:cancelled:jobs", "<q>:expired:jobs"},
	"dead:ids, cancelled:ids or expired:ids": {"<q>:dead:ids", "<q>:cancelled:ids", "<q>:expired:ids"},
}
