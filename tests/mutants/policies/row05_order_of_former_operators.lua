-- module: druid.rollout
-- caught by: scenario update_image
-- Overlords before the workers, Routers last.
local rollout = require "base.druid.rollout"
rollout.order = { "historical", "overlord", "middleManager", "indexer", "broker", "coordinator", "router" }
return rollout
