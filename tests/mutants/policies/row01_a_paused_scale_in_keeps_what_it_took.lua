-- module: druid.rollout.leaver
-- caught by: scenario given_back: paused: all workers take tasks
-- A pause leaves pods that were to leave as they are: disabled, decommissioned.
local leaver = require "base.druid.rollout.leaver"
local run = leaver.run
function leaver.run(ctx, kube_door, druid, cluster, steps, done, steering)
  if not steering.stop then
    run(ctx, kube_door, druid, cluster, steps, done, steering)
  end
end
return leaver
