package wire

// What a person commands one worker to do, as its registration holds it.
const (
	CommandQuiet = "quiet"
	CommandWake  = "wake"
	CommandStop  = "stop"
)

// What a worker does with new jobs, as its registration holds it.
const (
	WorkerWorking  = ""
	WorkerQuiet    = "quiet"
	WorkerStopping = "stopping"
)
