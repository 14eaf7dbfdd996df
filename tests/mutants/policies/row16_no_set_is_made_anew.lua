-- module: druid.recreate
-- caught by: scenario immutable_fields
-- What Kubernetes does not change stays as it is.
local recreate = require "base.druid.recreate"
local decide = recreate.decide
function recreate.decide(...)
  local decision = decide(...)
  decision.now = false
  return decision
end
return recreate
