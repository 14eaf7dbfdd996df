-- outcome: killed
-- A caught kill would be an error object; there must never be one.
return { run = function()
  local ok = pcall(function() for _ = 1, math.huge do end end)
  while true do log.error("survived", { ok = ok }) end
end }
