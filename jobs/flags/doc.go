// Package flags turns features on and off while programs run: the kind flags.apply, and the library below it.
//
// A flag is on for everyone while feature:<flag> holds 1, and on for the users in the set feature:<flag>:users.
// Programs in other languages that use these two keys agree with this package. Go programs know more about a flag
// ([Rules]): a share of the users for whom it is on, sticky for each; a time for it; variants; users for whom it is
// off; targets by attributes and by segments; flags that it requires; and metadata. Programs of a version before
// targets take no notice of what they do not know, and lose it when they write the rules.
//
// A flag is looked up in this order, and the first that applies decides:
//
//  1. off, if its rules disable it
//  2. off, if it is off for the user by name
//  3. off, if a flag that it requires is
//  4. on or off, by the first of its targets whose conditions the subject's attributes fulfil
//  5. on, if it is on for everyone
//  6. on, if it is on for the user by name
//  7. on, if the rules' time has come and the user is within their percentage
//  8. off
//
// [Store] changes flags, each with an entry in the flag's trail, and asks Redis at each look. [Watcher] keeps a copy in
// the process, is notified of every change, whichever program made it, and answers from the copy while Redis is away.
// The OpenFeature provider on top of it is the package flagprovider.
package flags
