-- module: druid.adopt
-- The server refuses the workload, for ever.
local adopt = require "base.druid.adopt"
local fit = adopt.fit
function adopt.fit(workload, live, options)
  local spec = json.copy(workload.spec)
  local result = fit(workload, live, options)
  workload.spec.selector, workload.spec.podManagementPolicy = spec.selector, spec.podManagementPolicy
  workload.spec.template.metadata.labels = spec.template.metadata.labels
  return result
end
return adopt
