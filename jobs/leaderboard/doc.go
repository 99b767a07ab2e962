// Package leaderboard ranks members by their scores: the kinds leaderboard.apply and leaderboard.reset, and the library
// below them.
//
// A board is the sorted set leaderboard:<name>, member to score, shared with programs in other languages. Ranks count
// from 0 as in Redis; a place counts from 1, the best. A page is at most [MaxRows] members.
//
// Who comes first among equal scores is the board's [Ties]. Where the earlier wins, whoever reached the score first is
// before the others. The scores stay true, for everybody who reads the board; the order is kept in a second sorted set
// beside it, at every change made here. What other programs change on such a board is not in its order until
// [Board.Adopt].
//
// A board may have one for each day and for each week as well, in UTC: leaderboard:<name>:<YYYY-MM-DD> and
// leaderboard:<name>:<YYYY-Www>. Every change goes to all of them, in one round trip.
//
// When a season ends, [Board.Close] empties the board and archives it as leaderboard:<name>:season:<n>.
//
// Changes made directly are made at least once: when a connection breaks at the wrong moment, the client library may
// send an increment again. A change with an ID, as each job leaderboard.apply has one, is made once: the ID leaves a
// mark for [AppliedFor], in the same atomic step.
package leaderboard
