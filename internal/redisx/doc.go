// Package redisx holds what several packages need on top of go-redis, and imports nothing else of navvy: scripts with a
// shared prelude, keys that share a slot of a cluster, clients of a package's own, whose connections follow masters,
// commands that are sent once, pipelines in which some errors are answers, the nodes of a cluster, and stream IDs.
package redisx
