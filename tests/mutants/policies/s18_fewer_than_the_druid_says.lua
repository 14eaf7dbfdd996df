-- module: druid.rollout.leaving
-- caught by: scenario scale_in: S18:
-- One pod more leaves than anybody asked for.
local leaving = require "base.druid.rollout.leaving"
local due = leaving.due
function leaving.due(entry, wanted)
  local leave = due(entry, wanted)
  if leave and leave.to > 0 then
    leave.to = leave.to - 1
  end
  return leave
end
return leaving
