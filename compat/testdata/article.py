"""The classes of the article "Redis Use Cases and Patterns", as programs in Python have them, mistakes included: what the
Go libraries share their keys with. Retyped from their behaviour. RedisLock is in lockmgr/testdata/article_lock.py.
"""

import json
import time
import uuid
from datetime import datetime

import redis


class RedisCache:
    def __init__(self, client):
        self.redis = client

    def _make_key(self, prefix, identifier):
        return f"cache:{prefix}:{identifier}"

    def get_page(self, url):
        cached = self.redis.get(self._make_key("page", url))
        return json.loads(cached) if cached else None

    def set_page(self, url, content, ttl=3600):
        self.redis.setex(self._make_key("page", url), ttl, json.dumps(content))

    def invalidate_page(self, url):
        self.redis.delete(self._make_key("page", url))

    def invalidate_pattern(self, pattern):
        cursor = 0
        while True:
            cursor, keys = self.redis.scan(cursor, match=f"cache:page:{pattern}*", count=100)
            if keys:
                self.redis.delete(*keys)
            if cursor == 0:
                break


def get_user_profile(client, database, user_id):
    """Cache-aside: look into the cache, then into the database, and fill the cache."""
    key = f"user:profile:{user_id}"
    profile = client.get(key)
    if profile:
        return json.loads(profile)
    profile = database.query(user_id)
    if profile:
        client.setex(key, 3600, json.dumps(profile))
    return profile


class RedisSession:
    def __init__(self, client, ttl=3600):
        self.redis = client
        self.ttl = ttl

    def _key(self, session_id):
        return f"session:{session_id}"

    def create_session(self, user_id, metadata=None):
        session_id = str(uuid.uuid4())
        data = {
            "user_id": user_id,
            "created_at": datetime.utcnow().isoformat(),
            "metadata": metadata or {},
        }
        self.redis.setex(self._key(session_id), self.ttl, json.dumps(data))
        return session_id

    def get_session(self, session_id):
        data = self.redis.get(self._key(session_id))
        return json.loads(data) if data else None

    def update_session(self, session_id, data):
        current = self.get_session(session_id)
        if current:
            current.update(data)
            self.redis.setex(self._key(session_id), self.ttl, json.dumps(current))

    def refresh_session(self, session_id):
        if self.redis.exists(self._key(session_id)):
            self.redis.expire(self._key(session_id), self.ttl)

    def destroy_session(self, session_id):
        self.redis.delete(self._key(session_id))


class RedisPubSub:
    def __init__(self, client):
        self.redis = client

    def publish(self, channel, message):
        return self.redis.publish(channel, json.dumps(message))

    def subscribe(self, channel, callback):
        pubsub = self.redis.pubsub()
        pubsub.subscribe(channel)
        for message in pubsub.listen():
            if message["type"] == "message":
                callback(json.loads(message["data"]))

    def pattern_subscribe(self, pattern, callback):
        pubsub = self.redis.pubsub()
        pubsub.psubscribe(pattern)
        for message in pubsub.listen():
            if message["type"] == "pmessage":
                callback(message["channel"], json.loads(message["data"]))


def send_notification(client, user_id, notification_type, content):
    return RedisPubSub(client).publish(f"user:{user_id}:notifications", {
        "type": notification_type,
        "title": content["title"],
        "body": content["body"],
        "timestamp": time.time(),
    })


class RedisStreamQueue:
    def __init__(self, client, stream_name):
        self.redis = client
        self.stream = stream_name
        self.consumer_group = f"{stream_name}:group"

    def setup(self):
        try:
            self.redis.xgroup_create(self.stream, self.consumer_group, id="0", mkstream=True)
        except redis.exceptions.ResponseError as e:
            if "BUSYGROUP" not in str(e):
                raise

    def add_message(self, data):
        return self.redis.xadd(self.stream, data)

    def consume(self, consumer_name, count=1, block=5000):
        return self.redis.xreadgroup(
            self.consumer_group, consumer_name, {self.stream: ">"}, count=count, block=block
        )

    def acknowledge(self, message_id):
        return self.redis.xack(self.stream, self.consumer_group, message_id)


class RateLimiter:
    def __init__(self, client):
        self.redis = client

    def is_allowed(self, key, limit, window):
        now = time.time()
        pipe = self.redis.pipeline()
        pipe.zremrangebyscore(key, 0, now - window)
        pipe.zcard(key)
        pipe.zadd(key, {str(now): now})
        pipe.expire(key, int(window))
        current_count = pipe.execute()[1]
        if current_count < limit:
            return True, limit - current_count - 1
        return False, 0

    def allow_request(self, identifier, limit, period):
        return self.is_allowed(f"rate_limit:{identifier}", limit, period)


class FixedWindowLimiter:
    def __init__(self, client):
        self.redis = client

    def is_allowed(self, key, limit, window_seconds):
        window_key = f"fw:{key}:{int(time.time() // window_seconds)}"
        pipe = self.redis.pipeline()
        pipe.incr(window_key)
        pipe.expire(window_key, window_seconds)
        return pipe.execute()[0] <= limit


class RedisAnalytics:
    def __init__(self, client):
        self.redis = client

    def track_event(self, event_name, user_id, metadata=None):
        now = time.time()
        today = time.strftime("%Y-%m-%d")
        pipe = self.redis.pipeline()
        pipe.hincrby(f"analytics:events:{today}", event_name, 1)
        pipe.sadd(f"analytics:users:{today}", user_id)
        pipe.xadd("events:stream", {
            "event": event_name,
            "user_id": user_id,
            "timestamp": str(now),
            "metadata": json.dumps(metadata or {}),
        })
        pipe.execute()

    def get_daily_stats(self, date=None):
        date = date or time.strftime("%Y-%m-%d")
        events = self.redis.hgetall(f"analytics:events:{date}")
        return {
            "date": date,
            "total_events": sum(int(v) for v in events.values()),
            "unique_users": self.redis.scard(f"analytics:users:{date}"),
            "events": events,
        }


class Leaderboard:
    def __init__(self, client, leaderboard_name):
        self.redis = client
        self.key = f"leaderboard:{leaderboard_name}"

    def set_score(self, member, score):
        return self.redis.zadd(self.key, {member: score})

    def increment(self, member, increment):
        return self.redis.zincrby(self.key, increment, member)

    def get_rank(self, member, reverse=False):
        if reverse:
            return self.redis.zrevrank(self.key, member)
        return self.redis.zrank(self.key, member)

    def get_top(self, count=10, with_scores=True):
        return self.redis.zrevrange(self.key, 0, count - 1, withscores=with_scores)

    def get_around_me(self, member, count=5):
        rank = self.redis.zrevrank(self.key, member)
        if rank is None:
            return []
        return self.redis.zrevrange(self.key, max(0, rank - count), rank + count, withscores=True)

    def get_percentile(self, member):
        rank = self.redis.zrevrank(self.key, member)
        if rank is None:
            return None
        total = self.redis.zcard(self.key)
        return (rank / total) * 100 if total > 0 else 0


class FeatureFlags:
    def __init__(self, client):
        self.redis = client
        self.prefix = "feature:"

    def enable(self, flag_name):
        self.redis.set(f"{self.prefix}{flag_name}", "1")

    def disable(self, flag_name):
        self.redis.delete(f"{self.prefix}{flag_name}")

    def is_enabled(self, flag_name):
        return self.redis.get(f"{self.prefix}{flag_name}") == "1"

    def enable_for_user(self, flag_name, user_id):
        self.redis.sadd(f"{self.prefix}{flag_name}:users", user_id)

    def is_enabled_for_user(self, flag_name, user_id):
        if self.is_enabled(flag_name):
            return True
        return self.redis.sismember(f"{self.prefix}{flag_name}:users", user_id)
