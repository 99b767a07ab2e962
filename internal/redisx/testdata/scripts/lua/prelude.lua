-- Functions of a package's own.
local function ten_times(n)
  return n * 10
end

-- Calls another one, and one of the shared prelude.
local function ten_times_now()
  return ten_times(now_ms())
end

local function unused()
  return 'unused'
end
