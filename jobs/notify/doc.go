// Package notify tells users what happens: the kind notify.send, and the library below it.
//
// A notification is a JSON object {type, title, body, timestamp}, published on the channel user:<id>:notifications, where
// programs in any language hear it. Pub/sub alone forgets: who does not listen at that moment never hears of it.
// [Sender.Send] therefore also keeps it in a short log beside the channel, and gives it the ID of its entry there.
//
// [Hub] listens for a whole process on one connection, for any number of [Subscription]s, by channel or by pattern. What a
// subscription may have missed, because the connection was lost or its own buffer was full, is told as a [Gap] in the
// place where it is missing. [SSE] brings a channel to browsers as server-sent events; a browser that comes back gets
// what it missed from the log, or is told that something is missing.
package notify
