-- module: druid.middlemanager
-- caught by: scenario middlemanagers_drain
-- A worker is replaced whatever it does.
local middlemanager = require "base.druid.middlemanager"
local config = middlemanager.config
function middlemanager.config(cluster, group)
  local one = config(cluster, group)
  one.strategy = "none"
  return one
end
return middlemanager
