local w = require "world"
local M = { title = "asks Druid's processes in the pods: the leader's version decides the order of a change" }

local UP = { "historical", "middleManager", "broker", "router", "overlord", "coordinator" }
local DOWN = { "coordinator", "overlord", "router", "broker", "middleManager", "historical" }

-- The image says nothing of the version, the running leader does; where nobody plays Druid in the pods it
-- cannot be told, and the order is that of an upgrade.
function M.run(ctx)
  w.make_model(ctx, "version: 34.0.0\n")
  local druid = w.deploy(ctx, nil, function(d) d.spec.image = "registry.example.com/druid:prod" end)
  w.equal(w.follow_rollout(ctx, druid)(function()
    w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:33.0.0" } }))
  end), w.mode == "cluster" and UP or DOWN, "order of the change")
end

return M
