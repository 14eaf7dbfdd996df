-- module: druid.observed
-- observedGeneration is never read.
local observed = require "base.druid.observed"
local state = observed.state
function observed.state(live, name)
  if not live then
    return state(live, name)
  end
  local copy = json.copy(live)
  copy.status = copy.status or {}
  copy.status.observedGeneration = copy.metadata.generation
  return state(copy, name)
end
return observed
