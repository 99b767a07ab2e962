package wire

// incarnation stands in a consumer name between the worker's name and what is new in each session.
const Incarnation = "#"

// The pseudo-consumers under which entries wait for a worker with a free slot.
const (
	ParkReleased = "~released" // the next delivery is not counted
	ParkOrphans  = "~orphans"  // it is
)
