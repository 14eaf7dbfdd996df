-- module: druid.rollout.step
-- caught by: scenario stuck_image_corrected
-- Pods of a bad revision wait for a StatefulSet that never replaces them.
local step = require "base.druid.rollout.step"
local survey = step.survey
function step.survey(set, now)
  local seen = survey(set, now)
  for _, pod in ipairs(seen.broken) do
    table.insert(seen.shaky, pod)
  end
  seen.broken = {}
  return seen
end
function step.superseded()
  return nil
end
return step
