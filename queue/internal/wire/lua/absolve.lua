-- Takes a worker that has come back out of the notes of crashes: it did not die. It looks at a page of the notes.
--
-- KEYS[1]  worker
-- KEYS[2]  crashed
-- ARGV[1]  consumer that was taken for dead
-- ARGV[2]  where the page begins, 0 for the first
-- ARGV[3]  about how many notes to look at
-- Reply    {where the next page begins, 0 at the end, {which bookkeeping failed, and why}}
local failures = {}
local page = try(failures, 'HSCAN', KEYS[2], ARGV[2], 'COUNT', ARGV[3])
if not page or redis.call('EXISTS', KEYS[1]) == 1 then return {'0', failures} end
try(failures, 'HDEL', KEYS[2], '\0') -- as allow_when_full, but its failure stops nothing
for i = 1, #page[2], 2 do
  local kept, words = {}, 0
  for word in string.gmatch(page[2][i + 1], '%S+') do
    words = words + 1
    local name = string.gsub(string.gsub(word, '^#%l+:', ''), '^%d+/', '')
    if word ~= ARGV[1] and name ~= ARGV[1] then kept[#kept + 1] = word end
  end
  if #kept == 0 then
    try(failures, 'HDEL', KEYS[2], page[2][i])
  elseif #kept < words then
    try(failures, 'HSET', KEYS[2], page[2][i], table.concat(kept, ' '))
  end
end
return {page[1], failures}
