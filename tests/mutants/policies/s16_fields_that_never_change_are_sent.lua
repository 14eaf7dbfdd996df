-- module: druid.adopt
-- caught by: scenario immutable_fields: S16:
-- What the server never lets change is sent, and refused, again and again.
local adopt = require "base.druid.adopt"
local fit = adopt.fit
function adopt.fit(workload, live, options)
  local management = workload.spec.podManagementPolicy
  local result = fit(workload, live, options)
  workload.spec.podManagementPolicy = management
  return result
end
return adopt
