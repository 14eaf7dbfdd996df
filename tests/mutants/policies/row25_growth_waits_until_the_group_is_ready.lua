-- module: druid.recreate
-- caught by: scenario volumes_grow
-- Volumes grow when their set can be made anew, so not those of a group that crashes on a full disk.
local recreate = require "base.druid.recreate"
local decide = recreate.decide
function recreate.decide(cluster, entry, kept)
  local decision = decide(cluster, entry, kept)
  decision.grow = decision.now and decision.grow or {}
  return decision
end
return recreate
