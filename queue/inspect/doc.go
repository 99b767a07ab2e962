// Package inspect shows what is in the queues of package queue and lets a person act on it: lists and searches, one job
// or all that match, dead jobs by cause, workers, statistics, and accounts of every job that ever was.
//
// It stands on what is in Redis alone and uses nothing of the worker: a program that enqueues and runs jobs does not
// need it, and a program that only looks needs nothing else.
package inspect
