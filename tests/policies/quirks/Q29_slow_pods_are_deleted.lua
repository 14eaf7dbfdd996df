-- module: druid.rollout.step
-- A pod that is not ready and has restarted is deleted, again and again.
local step = require "base.druid.rollout.step"
local superseded = step.superseded
function step.superseded(set, now)
  for _, pod in ipairs(set.pods) do
    if not pod.ready and (pod.restarts or 0) > 1 then
      return pod
    end
  end
  return superseded(set, now)
end
return step
