package redistest

import (
	"context"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// asInAMovingSlot stands before a script. A key that was there when the script began and is gone, since the script has
// emptied it, fails every command on it: so Redis does it in a slot that moves to another node.
const asInAMovingSlot = `local redis = (function(real)
  local there = {}
  for _, key in ipairs(KEYS) do there[key] = real.call('EXISTS', key) == 1 or nil end
  local function is_gone(key) return key and there[key] and real.call('EXISTS', key) == 0 end
  local gone = 'ERR Script attempted to access a non local key in a cluster node'
  return setmetatable({
    call = function(...)
      if is_gone(select(2, ...)) then error({err = gone}) end
      return real.call(...)
    end,
    pcall = function(...)
      if is_gone(select(2, ...)) then return {err = gone} end
      return real.pcall(...)
    end,
  }, {__index = real})
end)(redis)
`

var movingSlots atomic.Bool

// asMoving makes the scripts of a client run as in a moving slot.
type asMoving struct{}

func (asMoving) DialHook(next redis.DialHook) redis.DialHook { return next }

func (asMoving) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			change(cmd)
		}
		return next(ctx, cmds)
	}
}

func (asMoving) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		change(cmd)
		return next(ctx, cmd)
	}
}

// change makes a script's text begin with what makes it fail, and another one's digest unknown.
func change(cmd redis.Cmder) {
	args := cmd.Args()
	if len(args) < 2 {
		return
	}
	text, _ := args[1].(string)
	switch args[0] {
	case "evalsha", "EVALSHA":
		args[1] = "0000000000000000000000000000000000000000"
	case "eval", "EVAL":
		args[1] = asInAMovingSlot + text
	}
}
