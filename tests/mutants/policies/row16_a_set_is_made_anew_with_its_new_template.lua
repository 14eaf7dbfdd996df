-- module: druid.recreate
-- caught by: scenario immutable_selector
-- What is made anew gets the template that is asked for, not the one that its pods have.
local recreate = require "base.druid.recreate"
local succeed = recreate.succeed
function recreate.succeed(workload, text, count)
  local template = json.copy(workload.spec.template)
  local done = succeed(workload, text, count)
  workload.spec.template = template
  return done
end
return recreate
