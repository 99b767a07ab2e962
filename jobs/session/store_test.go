package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/session"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rig is a store with a clock that the test moves. IDs and users are random, so all share a server.
type rig struct {
	*session.Store
	rdb   redis.UniversalClient
	user  string
	shift atomic.Int64

	mu      sync.Mutex
	reports []string
}

func newRig(t *testing.T, rdb redis.UniversalClient, config session.Config) *rig {
	t.Helper()
	r := &rig{rdb: rdb, user: "u-" + redistest.Namespace()}
	config.Now = func() time.Time { return time.Now().Add(time.Duration(r.shift.Load())) }
	config.Report = func(err error) { r.mu.Lock(); defer r.mu.Unlock(); r.reports = append(r.reports, err.Error()) }
	var err error
	r.Store, err = session.New(rdb, config)
	must(t, err)
	return r
}

func sharedRig(t *testing.T) *rig {
	return newRig(t, redistest.Shared(t).Client(t), session.Config{})
}

func (r *rig) pass(d time.Duration) { r.shift.Add(int64(d)) }

func (r *rig) reported(part string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Contains(strings.Join(r.reports, "\n"), part)
}

func (r *rig) create(t *testing.T) *session.Session {
	t.Helper()
	s, err := r.Create(t.Context(), r.user, map[string]any{"cart": []string{"book"}})
	must(t, err)
	return s
}

// lives reports whether there is a session, without regard to its content.
func (r *rig) lives(t *testing.T, id string) bool {
	t.Helper()
	n, err := r.rdb.Exists(t.Context(), "session:"+id).Result()
	must(t, err)
	return n == 1
}

func (r *rig) gone(t *testing.T, id string) {
	t.Helper()
	if _, err := r.Get(t.Context(), id); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Get: %v, want ErrNotFound", err)
	}
}

func TestOurSessionsAreReadableElsewhere(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	made := r.create(t)
	var stored map[string]any
	must(t, json.Unmarshal([]byte(r.rdb.Get(t.Context(), "session:"+made.ID).Val()), &stored))
	if stored["user_id"] != r.user || fmt.Sprint(stored["metadata"]) != "map[cart:[book]]" {
		t.Errorf("stored: %v", stored)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000", stored["created_at"].(string)); err != nil {
		t.Error(err)
	}
	if ttl := r.rdb.PTTL(t.Context(), "session:"+made.ID).Val(); ttl > time.Hour || ttl < 59*time.Minute {
		t.Errorf("TTL %s, want 1 h", ttl)
	}
	visitor, err := r.Create(t.Context(), "", nil)
	must(t, err)
	if raw := r.rdb.Get(t.Context(), "session:"+visitor.ID).Val(); !strings.Contains(raw, `"user_id":null`) ||
		!strings.Contains(raw, `"metadata":{}`) {
		t.Errorf("a visitor: %s", raw)
	}
	if len(made.ID) < 26 || made.ID == visitor.ID {
		t.Errorf("IDs %s, %s", made.ID, visitor.ID)
	}
}

func TestSessionsOfOtherProgramsKeepWhatTheyHave(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	ctx := t.Context()
	id := "3f2b8c1e-7d4a-4f6b-9a1c-" + fmt.Sprintf("%012d", time.Now().UnixNano()%1e12)
	for _, created := range []string{
		time.Now().UTC().Format("2006-01-02T15:04:05.000000"), time.Now().UTC().Format("2006-01-02T15:04:05"),
		time.Now().Format(time.RFC3339Nano),
	} {
		raw := `{"user_id": 12345678901234567890, "created_at": "` + created + `", ` +
			`"metadata": {"n": 9007199254740993, "e": []}, "cart": {"empty": [], "price": 1.10}}`
		must(t, r.rdb.SetEx(ctx, "session:"+id, raw, time.Minute).Err())
		got, err := r.Get(ctx, id)
		must(t, err)
		if got.UserID != "12345678901234567890" || fmt.Sprint(got.Metadata["n"]) != "9007199254740993" {
			t.Errorf("got %+v", got)
		}
		_, err = r.Update(ctx, id, func(s *session.Session) error { s.Metadata["seen"] = true; return nil })
		must(t, err)
		after := r.rdb.Get(ctx, "session:"+id).Val()
		for _, part := range []string{
			`"user_id":12345678901234567890`, `"n":9007199254740993`, `"e":[]`, `"cart":{"empty":[],"price":1.10}`,
			`"seen":true`,
		} {
			if !strings.Contains(after, part) {
				t.Errorf("%s is missing in %s", part, after)
			}
		}
	}
	list, err := r.ListByUser(ctx, "12345678901234567890")
	if err != nil || len(list) == 0 {
		t.Errorf("it is not in the index after an update: %v (%v)", list, err)
	}
}

func TestUpdatesDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	id := r.create(t).ID
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 10 {
				if _, err := r.Update(t.Context(), id, increment); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	got, err := r.Get(t.Context(), id)
	must(t, err)
	if fmt.Sprint(got.Metadata["n"]) != "160" {
		t.Errorf("n is %v, want 160", got.Metadata["n"])
	}
}

func increment(s *session.Session) error {
	n, _ := s.Metadata["n"].(json.Number)
	was, _ := n.Int64()
	s.Metadata["n"] = was + 1
	return nil
}

// twice sends each script two times, as the client library does when the first reply was lost.
type twice struct{ redis.Hook }

func (twice) DialHook(next redis.DialHook) redis.DialHook { return next }
func (twice) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (twice) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := next(ctx, cmd); err != nil || !strings.HasPrefix(cmd.Name(), "eval") {
			return err
		}
		return next(ctx, cmd)
	}
}

func TestAnUpdateWhoseReplyIsLostCountsOnce(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	rdb.AddHook(twice{})
	r := newRig(t, rdb, session.Config{})
	id := r.create(t).ID
	for range 3 {
		_, err := r.Update(t.Context(), id, increment)
		must(t, err)
	}
	got, err := r.Get(t.Context(), id)
	if err != nil || fmt.Sprint(got.Metadata["n"]) != "3" {
		t.Errorf("n is %v (%v), want 3", got.Metadata["n"], err)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	r := newRig(t, redistest.Shared(t).Client(t), session.Config{Idle: time.Hour, Absolute: 2 * time.Hour})
	ctx, id := t.Context(), r.create(t).ID
	r.pass(90 * time.Minute)
	must(t, r.Refresh(ctx, id))
	if ttl := r.rdb.PTTL(ctx, "session:"+id).Val(); ttl > 30*time.Minute || ttl < 29*time.Minute {
		t.Errorf("TTL %s: half an hour is left of the absolute timeout", ttl)
	}
	must(t, r.rdb.PExpire(ctx, "session:"+id, 10*time.Hour).Err()) // as another program might
	r.pass(31 * time.Minute)
	r.gone(t, id)
	for name, err := range map[string]error{
		"Refresh": r.Refresh(ctx, id),
		"Update":  second(r.Update(ctx, id, increment)),
		"Rotate":  second(r.Rotate(ctx, id, nil)),
	} {
		if !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
}

func second(_ *session.Session, err error) error { return err }

// What has ended by its idle timeout is not there, which is no damage.
func TestIdleSessionsAreNotReportedAsDamaged(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	idle, live := r.create(t).ID, r.create(t).ID
	must(t, r.rdb.Del(t.Context(), "session:"+idle).Err()) // as its TTL does
	r.gone(t, idle)
	list, err := r.ListByUser(t.Context(), r.user)
	if err != nil || len(list) != 1 || list[0].ID != live {
		t.Errorf("listed %v (%v)", list, err)
	}
	if r.reported("damaged") {
		t.Errorf("reports %q", r.reports)
	}
}

func TestRotateGivesANewIDAndEndsTheOld(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	visitor, err := r.Create(t.Context(), "", map[string]any{"cart": "book"})
	must(t, err)
	user, err := r.Rotate(t.Context(), visitor.ID, func(s *session.Session) error { s.UserID = r.user; return nil })
	must(t, err)
	r.gone(t, visitor.ID)
	got, err := r.Get(t.Context(), user.ID)
	if err != nil || got.UserID != r.user || got.Metadata["cart"] != "book" || user.ID == visitor.ID {
		t.Errorf("got %+v (%v)", got, err)
	}
	again, err := r.Rotate(t.Context(), user.ID, nil)
	must(t, err)
	if list, err := r.ListByUser(t.Context(), r.user); err != nil || len(list) != 1 || list[0].ID != again.ID {
		t.Errorf("list: %v (%v)", list, err)
	}
}

// Of many who rotate the same session one succeeds; a logout meanwhile wins over all.
func TestRotationsRace(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	for _, logout := range []bool{false, true} {
		id := r.create(t).ID
		var wg sync.WaitGroup
		var rotated atomic.Int64
		for range 8 {
			wg.Go(func() {
				_, err := r.Rotate(t.Context(), id, func(*session.Session) error {
					if logout {
						return r.Destroy(t.Context(), id)
					}
					return nil
				})
				switch {
				case err == nil:
					rotated.Add(1)
				case !errors.Is(err, session.ErrNotFound):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list, err := r.ListByUser(t.Context(), r.user)
		must(t, err)
		want := int64(1)
		if logout {
			want = 0
		}
		if rotated.Load() != want || int64(len(list)) != want {
			t.Errorf("logout %t: %d rotations, %d sessions live: want %d", logout, rotated.Load(), len(list), want)
		}
		_, err = r.RevokeUser(t.Context(), r.user)
		must(t, err)
	}
}

func TestSigningOutEverywhere(t *testing.T) {
	t.Parallel()
	r := sharedRig(t)
	ctx := t.Context()
	var ids []string
	for range 600 { // more than a page
		ids = append(ids, r.create(t).ID)
	}
	other := sharedRig(t)
	theirs := other.create(t)
	must(t, r.rdb.Del(ctx, "session:"+ids[0]).Err()) // idle
	if list, err := r.ListByUser(ctx, r.user); err != nil || len(list) != 599 {
		t.Errorf("%d sessions (%v), want 599", len(list), err)
	}
	// An update that began before cannot bring its session back.
	_, err := r.Update(ctx, ids[1], func(*session.Session) error {
		n, err := r.RevokeUser(ctx, r.user)
		if n != 599 {
			t.Errorf("revoked %d, want 599", n)
		}
		return err
	})
	if !errors.Is(err, session.ErrNotFound) {
		t.Errorf("Update: %v, want ErrNotFound", err)
	}
	r.gone(t, ids[1])
	if n := r.rdb.Exists(ctx, "sessions:user:"+r.user).Val(); n != 0 {
		t.Error("the index is still there")
	}
	if !r.lives(t, theirs.ID) {
		t.Error("another user was signed out")
	}
	if _, err := r.RevokeUser(ctx, ""); !errors.Is(err, session.ErrInvalid) {
		t.Errorf("no user: %v", err)
	}
}

func TestOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--cluster-enabled", "yes")
	plain := server.Client(t)
	must(t, plain.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	for !strings.Contains(plain.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
	}
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr}})
	t.Cleanup(func() { _ = rdb.Close() })
	r := newRig(t, rdb, session.Config{})
	ctx := t.Context()
	for range 20 {
		made := r.create(t)
		_, err := r.Update(ctx, made.ID, increment)
		must(t, err)
		_, err = r.Rotate(ctx, made.ID, nil)
		must(t, err)
	}
	list, err := r.ListByUser(ctx, r.user)
	if err != nil || len(list) != 20 {
		t.Fatalf("%d sessions (%v)", len(list), err)
	}
	must(t, rdb.Del(ctx, "session:"+list[0].ID).Err())
	if n, err := r.Sweep(ctx, nil); err != nil || n != 1 {
		t.Errorf("swept %d (%v), want 1", n, err)
	}
	if n, err := r.RevokeUser(ctx, r.user); err != nil || n != 19 {
		t.Errorf("revoked %d (%v), want 19", n, err)
	}
	scs := session.SCS(rdb, "")
	must(t, scs.Commit("token", []byte("x"), time.Now().Add(time.Minute)))
	if all, err := scs.All(); err != nil || string(all["token"]) != "x" {
		t.Errorf("all: %v (%v)", all, err)
	}
	if n := plain.DBSize(ctx).Val(); n != 1 {
		t.Errorf("left: %v", plain.Keys(ctx, "*").Val())
	}
}
