-- module: druid.adopt
-- The declared count is written each time.
local adopt = require "base.druid.adopt"
local fit = adopt.fit
function adopt.fit(workload, live, options)
  local replicas = workload.spec.replicas
  local result = fit(workload, live, options)
  workload.spec.replicas = replicas or 0
  return result
end
return adopt
