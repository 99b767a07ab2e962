"""A program of another language that shares a lock with this package: the well-known SET NX lock with a random token,
a time-out, compare-and-delete in a script, and a look every 10 ms.

It takes turns with its peer. Whoever has the turn takes the lock, says so in a marker that must have been empty, adds
one to a counter by a read and a write, and hands the turn over while it still holds the lock, so that the peer comes
too early. Arguments: host, port, lock name, rounds. On its output: how often it found the lock held.
"""

import sys
import time
import uuid

import redis

RELEASE = """
if redis.call("get", KEYS[1]) == ARGV[1] then
  return redis.call("del", KEYS[1])
else
  return 0
end
"""


class RedisLock:
    def __init__(self, client, lock_name, timeout=10):
        self.client = client
        self.key = f"lock:{lock_name}"
        self.timeout = timeout
        self.token = str(uuid.uuid4())
        self.acquired = False
        self.refused = 0

    def acquire(self, blocking=True, blocking_timeout=30):
        start = time.time()
        while True:
            if self.client.set(self.key, self.token, nx=True, ex=self.timeout):
                self.acquired = True
                return True
            self.refused += 1
            if not blocking or time.time() - start >= blocking_timeout:
                return False
            time.sleep(0.01)

    def release(self):
        if not self.acquired:
            return False
        self.acquired = False
        return self.client.eval(RELEASE, 1, self.key, self.token)


def main(host, port, name, rounds):
    client = redis.Redis(host=host, port=int(port), decode_responses=True)
    refused = 0
    for _ in range(int(rounds)):
        if client.blpop([f"{name}:turn:python"], timeout=30) is None:
            sys.exit("the peer did not hand over the turn")
        lock = RedisLock(client, name)
        if not lock.acquire():
            sys.exit("the lock was not free for 30 s")
        refused += lock.refused
        if inside := client.getset(f"{name}:inside", "python"):
            sys.exit(f"{inside} was inside with the lock of python")
        count = int(client.get(f"{name}:count") or 0)
        client.rpush(f"{name}:turn:go", "")
        client.set(f"{name}:count", count + 1)
        if client.getset(f"{name}:inside", "") != "python":
            sys.exit("another came in")
        if lock.release() != 1:
            sys.exit("the lock was not python's own at its release")
    print(refused)


if __name__ == "__main__":
    main(*sys.argv[1:])
