"""Lets a Go test call the article's classes: JSON lines in, JSON lines out, in order.

Request:  {"class": "RateLimiter", "init": [], "method": "is_allowed", "args": ["k", 10, 60], "times": 1}
Reply:    {"results": [[true, 9]]} or {"error": "..."}

There is one object for each class and init. Arguments: host, port of Redis.
"""

import json
import queue
import sys
import threading

import redis

import article
from article_lock import RedisLock


class Profiles:
    """The function get_user_profile, and the database that it needs."""

    def __init__(self, client, rows):
        self.client = client
        self.rows = rows
        self.queries = 0

    def query(self, user_id):
        self.queries += 1
        return self.rows.get(str(user_id))

    def get_user_profile(self, user_id):
        return article.get_user_profile(self.client, self, user_id)

    def count_queries(self):
        return self.queries


class Notifications:
    """The function send_notification, and a subscriber in the background, as the article runs it."""

    def __init__(self, client, _name):
        self.client = client
        self.messages = queue.Queue()

    def send_notification(self, user_id, notification_type, content):
        return article.send_notification(self.client, user_id, notification_type, content)

    def subscribe(self, channel):
        self._listen(article.RedisPubSub(self.client).subscribe, channel, self.messages.put)

    def pattern_subscribe(self, pattern):
        self._listen(article.RedisPubSub(self.client).pattern_subscribe, pattern, lambda *message: self.messages.put(message))

    def _listen(self, subscribe, *args):
        threading.Thread(target=subscribe, args=args, daemon=True).start()

    def next(self):
        return self.messages.get(timeout=10)

    def count(self):
        return self.messages.qsize()


class Clock:
    """The time of the article's classes."""

    def __init__(self, _client):
        self.time = article.time.time
        self.now = self.time()

    def start(self):
        article.time.time = self.time

    def stop(self):
        article.time.time = lambda: self.now

    def advance(self, seconds):
        self.now += seconds


def find(name):
    if name == "RedisLock":
        return RedisLock
    return getattr(article, name, None) or globals()[name]


def main(host, port):
    client = redis.Redis(host=host, port=int(port), decode_responses=True)
    objects = {}
    for line in sys.stdin:
        try:
            call = json.loads(line)
            name = json.dumps([call["class"], call["init"]])
            if name not in objects:
                objects[name] = find(call["class"])(client, *call["init"])
            method = getattr(objects[name], call["method"])
            reply = {"results": [method(*call["args"]) for _ in range(call["times"])]}
        except Exception as e:
            reply = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
