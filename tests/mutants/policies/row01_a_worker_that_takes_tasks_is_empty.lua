-- module: druid.middlemanager
-- caught by: scenario empty_for_sure: disable fails: pods of
-- Whether a worker is disabled is not asked: one that runs nothing just now is empty.
local middlemanager = require "base.druid.middlemanager"
local emptiness = middlemanager.emptiness
function middlemanager.emptiness(pod, facts, memory, now)
  local believed = setmetatable({ enabled = function() return false end }, { __index = facts })
  return emptiness(pod, believed, memory, now)
end
return middlemanager
