-- module: druid.recreate
-- Whether the set is gone is not waited for.
local recreate = require "base.druid.recreate"
local decide = recreate.decide
function recreate.decide(cluster, entry, kept, options)
  local decision = decide(cluster, entry, kept, options)
  decision.now = not decision.blocked
  return decision
end
return recreate
