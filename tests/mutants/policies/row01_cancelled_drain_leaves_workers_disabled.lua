-- module: druid.rollout.workers
-- caught by: scenario middlemanagers_drain
-- Nobody enables a worker again.
local workers = require "base.druid.rollout.workers"
local call = workers.call
function workers.call(druid, one)
  if one.op == "enable" then
    return nil
  end
  return call(druid, one)
end
return workers
