local w = require "world"
local M = { title = "rolls an upgrade group by group in Druid's order, a downgrade in reverse" }

local UP = { "historical", "middleManager", "broker", "router", "overlord", "coordinator" }
local DOWN = { "coordinator", "overlord", "router", "broker", "middleManager", "historical" }

function M.run(ctx)
  local druid = w.deploy(ctx, nil, function(d) d.spec.image = "apache/druid:33.0.0" end)
  w.equal(w.follow_rollout(ctx, druid)(function()
    w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:34.0.0" } }))
  end), UP, "order of the upgrade")
  w.equal(w.follow_rollout(ctx, druid)(function()
    w.check(ctx.patch(w.druid(), { spec = { image = "apache/druid:33.0.0" } }))
  end), DOWN, "order of the downgrade")
end

return M
