// Package notify sends notifications to users: the kind notify.send, and the library below it.
//
// A notification is a JSON object {type, title, body, timestamp}, published on the channel user:<id>:notifications, where
// programs in any language receive it. Pub/sub alone keeps nothing: a program that is not subscribed at that moment
// never gets it. [Sender.Send] therefore also keeps it in a short log beside the channel, and gives it the ID of its
// entry there.
//
// [Hub] listens for a whole process on one connection, for any number of [Subscription]s, by channel or by pattern. What a
// subscription may have missed, because the connection was lost or its own buffer was full, is reported as a [Gap]
// in the place where it is missing. [SSE] brings a channel to browsers as server-sent events; a browser that comes back
// gets what it missed from the log, or an event that says that something is missing.
package notify
