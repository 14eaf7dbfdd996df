-- module: druid.plan
-- caught by: case adopt_test: a new workload selects by the four fixed labels only
-- The selector is all of the pods' labels.
local plan = require "base.druid.plan"
local entries = plan.entries
function plan.entries(...)
  local list = entries(...)
  for _, entry in ipairs(list) do
    entry.workload = json.copy(entry.workload)
    entry.workload.spec.selector.matchLabels = json.copy(entry.workload.spec.template.metadata.labels)
  end
  return list
end
return plan
