// Package session keeps who is logged in, for a fleet of servers: a store, net/http middleware, a store for
// alexedwards/scs, and the kinds session.sweep and session.revoke.
//
// A session is the string session:<id>, JSON with user_id, created_at (ISO 8601, UTC) and metadata, which programs in
// other languages read and write as well; what else they put beside these fields stays. An ID is random, 130 bits, and
// the whole secret: it is in the key, so whoever may list the keys of Redis may be anybody.
//
// A session ends when it was not used for the idle timeout, when the absolute timeout has passed since the login, at a
// logout, and when its user is signed out everywhere. An update is atomic among users of this package: it is
// compare-and-set on the stored text, repeated until it wins. Other programs that read, change and write back may
// still undo each other's changes, and this package's.
//
// The sessions of a user are found by an index, sessions:user:<user_id>. A session that another program made is in it
// from the first [Store.Update] or [Store.Rotate] on.
package session
